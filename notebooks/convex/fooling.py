# %% [markdown]
# # Fooled images over eps
#
# This page re-runs Figure 2 of {cite:t}`balda2018convex`: the share of fooled images over eps on four networks.
#
# **The claim.** Algorithm 1 fools more images than FastGrad at every eps, and in several steps (Algorithm 1-n) more than DeepFool. Algorithm 2 is competitive with FastGrad, and random signs do nothing.
# The claim would be refuted by a FastGrad curve on or above Algorithm 1's. It is *explained* if FastGrad closes the gap once it is computed in double precision.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = None  # list of eps, as text ('0.03', '8/255'), in eps_unit; None: the ten of Fig. 2
eps_unit = "range"  # unit of eps: range (largest minus smallest value of the prepared test set) or pixel (x in [0, 1])
methods = ["DeepFool", "Algorithm 1-10", "Algorithm 1-5", "Algorithm 1", "Algorithm 2", "FastGrad", "FastGrad (float64)", "Random", "PGD"]  # list of DeepFool, Algorithm 1-10, Algorithm 1-5, Algorithm 1, Algorithm 2, FastGrad, FastGrad (float64), Random, PGD
clipped = ["DeepFool", "Algorithm 1", "FastGrad"]  # list of methods that are also run with the images kept within [0, 1]
clip = False  # keep the images of all methods within [0, 1]
scores = "logits"  # what a margin is taken of: logits or softmax
class_choice = "linearised"  # the class Algorithm 1 moves to: linearised optimum, or argmin of the margins
p = "inf"  # exponent of the ball, from 1 to inf; PGD is run for inf only
dtype = "float32"  # precision of the attacks: float32 or float64

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "convex/fooling",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, eps_unit=eps_unit,
    methods=methods, clipped=clipped, clip=clip, scores=scores,
    class_choice=class_choice, p=p, dtype=dtype,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# Algorithm 1 in the l∞ ball; here ε is 0.2.
#
# $$
# \begin{gathered} \eta = -\varepsilon\, \mathrm{sign}(\nabla L_{l^*}), \\ l^* = \arg\min_l\; L_l(x) - \varepsilon \lVert\nabla L_l(x)\rVert_1, \\ L_l = f_y - f_l \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the binary perturbation of Algorithm 1, and their sum, with the class that the network sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import margins
from inputgrad.trials.example import one_image

x, y, model = one_image()
m = margins(model, x, y)
slope = m.gradient.abs().sum((2, 3, 4))
best = (m.value - 0.2 * slope).argmin()
eta = -0.2 * m.gradient[:, best].sign()
figures.side_by_side(model, y, x=x, eta=eta, x_adv=x + eta)

# %% [markdown]
# ## Figure 2
#
# DeepFool looks for the smallest perturbation. As in the paper, an image counts as fooled by DeepFool at every eps above the size of its perturbation, while the other methods spend the whole eps. The crosses are the authors' own result files, from which the paper's figure is drawn; they have five of these curves.

# %% mystnb={"image": {"alt": "Share of fooled images over eps, one panel for each network, one curve for each of nine methods, with a cross at every point of the authors' own result files; random signs lie at the bottom"}} tags=["hide-input"]
figures.convex.over_eps(
    run, ["DeepFool", "Algorithm 1-10", "Algorithm 1-5", "Algorithm 1",
          "Algorithm 2", "FastGrad", "FastGrad (float64)", "Random", "PGD"]
)

# %% tags=["hide-input"]
tables.convex.over_eps(run)

# %% [markdown]
# ## Cell by cell
#
# The tables set our number beside each of the 200 points of the authors' files.

# %% tags=["hide-input"]
tables.beside(run)

# %% [markdown]
# ## The paper's own network
#
# `LeNet-5 (authors)` is the network behind the paper's numbers, loaded as its authors published it. The table compares what our code measures on it with what the authors print, and the verdict is on these two.

# %% tags=["hide-input"]
tables.convex.authors(run)

# %% [markdown]
# ## Clipped to [0, 1]
#
# The paper does not clip, so its pixels leave [0, 1]. An attack on images should keep them there: the dashed curves are the same attacks with every pixel clipped to that range.

# %% mystnb={"image": {"alt": "Share of fooled images over eps with free pixels, solid, and with pixels kept in the box, dashed"}} tags=["hide-input"]
figures.convex.clipping(run)

# %% [markdown]
# ## Counted alike for all methods
#
# Here an image counts from the smallest eps of the list that fools it, for every one-step method as for DeepFool.

# %% tags=["hide-input"]
tables.convex.over_eps(run, least=True)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. Scores are logits (`scores`), the class is chosen by the linearised optimum (`class_choice`), pixels are not clipped (`clip`), as in the authors' published code. The text has softmax scores, and leaves the other two open.
# 2. eps is a fraction of the range of the prepared test set (`eps_unit`): images padded to 32x32 on MNIST, standardised for NIN, centred for DenseNet. The padding may be perturbed.
# 3. The correctly classified images that come first in the test set are attacked: 1,024 at `paper`, 100 at `quick` (`images`).
# 4. At `quick`, NIN and DenseNet-40 are trained for 6 and 4 epochs with bfloat16 autocast instead of 160 and 300, at a rate that rises and falls once, NIN with Adam in place of SGD (`recipe`), so their curves start from other networks than the paper's.
# 5. DeepFool lengthens each step by 1e-4 in the units of the prepared image, as its own authors' code does, besides the overshoot of 0.02.
# 6. The recorded CIFAR-10 results come from an archive that holds the images in another order than torchvision's files.
# 7. Beyond the paper: FastGrad in float64, PGD-20 on the margin as the reference, the clipped reading (`clipped`), other balls (`p`).
# 8. `LeNet-5 (authors)`, at `paper`, is the network that the paper attacked ([how it is fetched](../../book/data.md)). The seed of a run draws only the images that are attacked, as the authors drew theirs: runs of this network differ in nothing else.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run convex/fooling --profile quick \
#     -p models='["fcnn"]' -p eps='["0.02","0.05"]' -p class_choice=argmin
# ```
#
# The page goes to `build/runs/convex/fooling-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/convex/fooling/` for trials that the study declares, `build/results/<profile>/convex/fooling/` with any other parameters. Code: `fooling` in `lib/inputgrad/trials/convex.py`, the attacks in `lib/inputgrad/compute/attacks/convex.py`.
# ````
