# %% [markdown]
# # The pictures
#
# This page redraws Figure 1 of {cite:t}`balda2018convex`: images, the noise of Algorithm 1, and their sum. Titles read "class before → class after".

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = None  # list of eps in fractions of the range; None: three of the ten of Fig. 2
columns = 6  # how many images are shown in a row
clip = False  # keep the images within [0, 1]

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "convex/examples",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, columns=columns,
    clip=clip,
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
from inputgrad.compute.attacks.convex import perturbation
from inputgrad.compute.gradients import margins
from inputgrad.trials.example import one_image

x, y, model = one_image()
m = margins(model, x, y)
eta = perturbation(m, 0.2, p=float("inf"))
figures.side_by_side(model, y, x=x, eta=eta, x_adv=x + eta)

# %% [markdown]
# Each column has the first correctly classified image of a class, from class 0 on (`columns`). The noise is shown from −eps (black) to eps (white).

# %% mystnb={"image": {"alt": "For MNIST and CIFAR-10 a row of images, then for three eps the noise of Algorithm 1 and the perturbed images; the noise is plus or minus eps on nearly the whole image, and zero where MNIST's networks have no gradient; the pictures stay recognisable"}} tags=["hide-input"]
figures.convex.examples(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper's images and eps are not named: these are the first of the first six classes, at the third, fifth and ninth of the ten eps of Figure 2.
# 2. Pixels outside [0, 1] are cut off in the pictures, not in what the network sees (`clip`).
# 3. At `quick`, NIN is trained with Adam for 6 epochs instead of 160 with SGD.
# 4. `LeNet-5 (authors)`, at `paper`, is the network that the paper attacked ([how it is fetched](../../book/data.md)). The seed of a run draws only the images that are attacked, as the authors drew theirs: runs of this network differ in nothing else.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run convex/examples --profile quick \
#     -p eps='["0.05","0.1"]' -p clip=true
# ```
#
# The page goes to `build/runs/convex/examples-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/convex/examples/` for trials that the study declares, `build/results/<profile>/convex/examples/` with any other parameters. Code: `examples` in `lib/inputgrad/trials/convex.py`.
# ````
