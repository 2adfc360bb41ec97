# %% [markdown]
# # Equal norm, equal success
#
# This page is about the claim of Sec. 3 and Fig. 3 of {cite:t}`agarwal2020sign` that sign noise is visible and magnitude noise is not.
#
# **The question the tables do not ask.** At the same eps FGM's step is shorter than FGSM's, often by orders of magnitude, so a comparison at equal eps compares different budgets. Here every method takes steps of the same median l2 length and is judged at the length where it fools half of the images.
#
# The paper makes its claim at equal eps (c23). At equal success the claim would stand if FGM were the less visible one by every measure.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
budgets = ["1/32", "1/16", "1/8", "1/4", "1/2", "1", "2", "4", "8", "16"]  # list of median l2 lengths of the step, in units of x
methods = ["FGSM", "FGM", "FGM-l2", "random sign", "random normal"]  # list of FGSM, FGM, FGM-l2, random sign, random normal
clip = True  # keep the edited images in [0, 1]

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "sign/perceptibility",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, budgets=budgets,
    methods=methods, clip=clip,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# Two steps of one l2 length, here 3: along the sign of the gradient, and along the gradient.
#
# $$
# \begin{gathered} v_{\mathrm{sign}} = r\, \mathrm{sign}(g) / \lVert\mathrm{sign}(g)\rVert_2, \\ v_{l2} = r\, g / \lVert g\rVert_2, \\ g = \nabla_x L(f(x), y) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, a step along the sign of the gradient and a step of that length along the gradient, and the digit after each, with the class that the network sees"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.norms import unit
from inputgrad.trials.example import one_image

x, y, model = one_image()
g = input_gradient(model, x, y)
v_sign, v_l2 = 3 * unit(g.sign()), 3 * unit(g)
x_sign, x_l2 = (x + v_sign).clamp(0, 1), (x + v_l2).clamp(0, 1)
figures.side_by_side(
    model, y, x=x, v_sign=v_sign, x_sign=x_sign, v_l2=v_l2, x_l2=x_l2
)

# %% [markdown]
# ## At equal length

# %% mystnb={"image": {"alt": "Share of fooled images over the median l2 length of the step, for FGSM, FGM, the l2-normalised gradient and two kinds of noise"}} tags=["hide-input"]
figures.sign.equal_norm(run)

# %% tags=["hide-input"]
tables.sign.equal_success(run)

# %% [markdown]
# **How to read it.** In one image FGM and FGM-l2 go in the same direction. FGM uses one eps for all images, so each image is moved as far as its gradient is long; FGM-l2 moves each image equally far. Median and mean of the step differ where a few images are moved far. Where a curve flattens below 50 %, no single eps suits all images.
#
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run, also=["c23"])

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper shows pictures at equal eps and gives no measure; here visibility is l2, l∞, PSNR and SSIM, medians over the images, and of the first two the means, too. At `quick` 250 test images are attacked, at `paper` 2,000.
# 2. Only images that were right before are counted, so that "fooled" means moved by this step.
# 3. One eps for all images, as the paper has it, set so that the median step has the length on the axis before clipping to [0, 1].
# 4. Between the budgets of the grid the table interpolates in the logarithm of the budget.
# 5. FGM-l2 leaves an image as it is where the gradient is so short that its squares are zero in single precision.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run sign/perceptibility --profile quick \
#     -p datasets='["mnist"]' -p budgets='["1/4","1","4"]'
# ```
#
# The page goes to `build/runs/sign/perceptibility-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/sign/perceptibility/` for trials that the study declares, `build/results/<profile>/sign/perceptibility/` with any other parameters. Code: `equal_norm` in `lib/inputgrad/trials/sign.py`.
# ````
