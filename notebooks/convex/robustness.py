# %% [markdown]
# # Three measures of robustness
#
# This page re-runs Table I of {cite:t}`balda2018convex`.
#
# **The claim.** Three numbers rank networks alike: the mean size of DeepFool's perturbation (ρ₁), the mean linearised distance to the boundary of Proposition 1 (ρ₂, one round of gradients instead of DeepFool's several), and the eps at which DeepFool has fooled 99 of 100 images. LeNet-5 is more robust than the fully connected network, NIN more than DenseNet.
# The claim would be refuted by measures that disagree on the order.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps_unit = "range"  # unit of eps: range (largest minus smallest value of the prepared test set) or pixel (x in [0, 1])
scores = "logits"  # what a margin is taken of: logits or softmax
deepfool_steps = 50  # rounds of DeepFool at most
overshoot = 0.02  # share by which DeepFool lengthens each step, at least 0
dtype = "float32"  # precision of the attacks: float32 or float64

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "convex/robustness",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps_unit=eps_unit,
    scores=scores, deepfool_steps=deepfool_steps, overshoot=overshoot,
    dtype=dtype,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# ρ₂ takes the linearised distance to the boundary, ρ₁ the length of DeepFool's perturbation, which takes that distance again and again until the class changes.
#
# $$
# \begin{gathered} \eta = -r\, \mathrm{sign}(\nabla L_{l^*}), \\ r = L_{l^*}(x) / \lVert\nabla L_{l^*}(x)\rVert_1 = \min_{l \ne y}\, L_l(x) / \lVert\nabla L_l(x)\rVert_1 \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the perturbation of the smallest feasible eps and that of DeepFool, and the digit after each, with the class that the network sees; titles give the lengths"}} tags=["method", "remove-stderr"]
from inputgrad.compute.attacks.convex import deepfool, perturbation, smallest_eps
from inputgrad.compute.gradients import margins
from inputgrad.trials.example import one_image

x, y, model = one_image()
m = margins(model, x, y)
eta = perturbation(m, smallest_eps(m, p=float("inf")), p=float("inf"))
x_df = deepfool(model, x, y, box=None)
figures.side_by_side(
    model, y, x=x, eta=eta, x_eta=x + eta, eta_df=x_df - x, x_df=x_df
)

# %% [markdown]
# ## Beside the paper (Table I)

# %% tags=["hide-input"]
tables.convex.measures(run)

# %% mystnb={"image": {"alt": "Three panels, one a measure, on logarithmic axes: for each network our value with its interval and a cross for the paper's"}} tags=["hide-input"]
figures.convex.measures(run)

# %% [markdown]
# **How to read it.** A cell is *close* within a tenth of the paper's number (test error: 3 points), *inside* where that number lies in the prediction interval for one more network, and *near* within three tenths. The interval is over seeds where there are three or more, else over resampled images. Of `LeNet-5 (authors)` runs are draws of images, not networks.
#
# ## The unit of ρ₁
#
# The paper divides a perturbation by the largest absolute value of the *prepared* image in ρ₁, and by the range of the test set in the other two measures. On MNIST that is nearly the same. On standardised or centred images it is not, and makes ρ₁ larger, for no reason of robustness, than it is in the unit of ρ₂.

# %% tags=["hide-input"]
tables.convex.units(run)

# %% [markdown]
# ## The paper's own network
#
# `LeNet-5 (authors)` is the network behind the paper's numbers, loaded as its authors published it. The table compares what our code measures on it with what the authors print, and the verdict is on these two.

# %% tags=["hide-input"]
tables.convex.authors(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. Test errors are of the whole test set. The authors' published script prints that of a shuffled part.
# 2. All three measures are of the first correctly classified images (`images`), of `LeNet-5 (authors)` of drawn ones. An image that DeepFool does not fool in 50 rounds (`deepfool_steps`) counts with the length it reached in ρ₁, and with an infinite eps in the last measure. Every DeepFool step is lengthened (`overshoot`), where the original lengthens their sum.
# 3. At `quick`, NIN and DenseNet-40 are trained for 6 and 4 epochs with bfloat16 autocast instead of 160 and 300, at a rate that rises and falls once, NIN with Adam in place of SGD (`recipe`).
# 4. The paper does not say how it trained. The networks for MNIST are trained with Adam in batches of 128 at a rate that rises to its peak and falls to zero (`recipe`), which gives about the paper's test errors.
# 5. DeepFool lengthens each step by 1e-4 in the units of the prepared image, besides the overshoot of 0.02.
# 6. Scores are logits (`scores`), where the text has the softmax. The recorded CIFAR-10 results come from an archive that holds the images in another order than torchvision's files.
# 7. Beyond the paper: intervals, and ρ₁ in the unit of the others.
# 8. `LeNet-5 (authors)`, at `paper`, is the network that the paper attacked ([how it is fetched](../../book/data.md)). The seed of a run draws only the images that are attacked, as the authors drew theirs: runs of this network differ in nothing else.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run convex/robustness --profile quick \
#     -p models='["fcnn","lenet5"]' -p deepfool_steps=3
# ```
#
# The page goes to `build/runs/convex/robustness-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/convex/robustness/` for trials that the study declares, `build/results/<profile>/convex/robustness/` with any other parameters. Code: `robustness` in `lib/inputgrad/trials/convex_measures.py`.
# ````
