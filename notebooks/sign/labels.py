# %% [markdown]
# # Whose label?
#
# This page is a control of Sec. 6 of {cite:t}`agarwal2020sign`. The step downhill follows the true class of an image, its runner-up (the second most likely class) or a class drawn from the others.
#
# **The question.** D-FGSM needs the true label. Is its success a property of that label, or of any class near the image? An image whose true class is
# not the runner-up tells the two apart.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = ["0.02", "0.05", "0.10"]  # list of step sizes in units of x
attacks = ["D-FGSM", "D-FGM"]  # list of D-FGSM, D-FGM
attack_loss = "ce"  # loss to go down: ce, nll_logits or margin
label = ["true", "runner_up", "other"]  # the class the step is told, each a reading: true, runner_up, other
clip = True  # keep the edited images in [0, 1]

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "sign/labels",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, attacks=attacks,
    attack_loss=attack_loss, label=label, clip=clip,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# D-FGSM goes down the loss of a class k; here k is the third in the order of the scores, and ε is 0.2.
#
# $$
# \begin{gathered} g = \nabla_x L(f(x), k), \\ x_{\mathrm{told}} = \mathrm{clip}_{[0,1]}(x - \varepsilon\, \mathrm{sign}(g)) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong: an illustration, no result.

# %% mystnb={"image": {"alt": "A misclassified handwritten digit, the gradient of the loss of another class, and the digit one step down that loss, with the class that the network sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image(right=False)
k = model(x).topk(3).indices[:, 2]
g = input_gradient(model, x, k)
x_told = (x - 0.2 * g.sign()).clamp(0, 1)
figures.side_by_side(model, y, x=x, g=g, x_told=x_told)

# %% [markdown]
# ## Where the step leads
#
# The table has three kinds of images: those that were wrong before; those of them whose true class is not the runner-up, where the two labels compete; and those that were right before.

# %% tags=["hide-input"]
tables.sign.reached(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper's step follows the true label. The other two labels are ours (`label`).
# 2. *Another* class is neither predicted, nor the runner-up, nor true.
# 3. Networks and training as on [the page of Tables 1 and 2](adversarial.ipynb); all test images.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run sign/labels --profile quick \
#     -p datasets='["mnist"]' -p eps='["0.02","0.5"]'
# ```
#
# The page goes to `build/runs/sign/labels-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/sign/labels/` for trials that the study declares, `build/results/<profile>/sign/labels/` with any other parameters. Code: `labels` in `lib/inputgrad/trials/sign.py`.
# ````
