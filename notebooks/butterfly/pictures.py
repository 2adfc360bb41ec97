# %% [markdown]
# # The pictures: perturbations of both kinds, and how gamma shapes them
#
# This page redraws Figures 1, 3, 5 to 7 and 11 to 14 of {cite:t}`yoo2018butterfly`.
#
# **The claim.** Perturbations that raise or lower the accuracy are small, and gamma says how small. Section 4.3 has them grow when gamma *increases*, against Section 4.2 and the meaning of a penalty; the table below says which holds.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
problems = ["enhance", "attack"]  # list of enhance, attack
gammas_enhance = ["0.0001", "0", "0.1"]  # list of weights of the intensity to enhance with, as text
gammas_attack = ["3", "0", "0.3"]  # list of weights of the intensity to attack with, as text
l2 = "mean_square"  # intensity of v: mean_square over all values, or mean over images of the l2 norm
loss = "ls"  # ls (least squares) or lr (logistic)
d_train = "head"  # what learns in the discriminator: head or full
objective = "game"  # game, or direct: the classifier's own cross-entropy in its place
limit = None  # largest absolute value of v in units of x in [0, 1]; None: no limit
clip = False  # clip perturbed images to [0, 1]
size = None  # images resized to so many pixels a side, 32 to 512; None: as the data set has them
external = None  # data set the encoder is pretrained on, imagenet or none; None: the study's own
first = 0  # index of the first training image of the game; the classifier's own begin at 0
game = {}  # fields to change in the training of the generator, such as {'epochs': 2}
pretraining = {}  # fields to change in the pretraining of encoders
columns = 8  # how many images are shown in a row

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "butterfly/pictures",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, problems=problems,
    gammas_enhance=gammas_enhance, gammas_attack=gammas_attack, l2=l2, loss=loss,
    d_train=d_train, objective=objective, limit=limit, clip=clip, size=size,
    external=external, first=first, game=game, pretraining=pretraining,
    columns=columns,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The pictures show thirty rounds of the adversarial game with γ = 3, and thirty with γ = 30.
#
# $$
# \begin{gathered} \tilde x = x + v, \\ v = G(x), \\ L_D = (D(\tilde x) - t)^2, \\ L_G = (D(\tilde x) - 1)^2 + \gamma\, \overline{v^2} \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right. The generator's encoder and the discriminator's body begin as the classifier's body, the rest as it is drawn, and they meet this image alone: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the generator's perturbations after thirty rounds with two weights of the penalty, and the sums, with the class that the classifier sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

v = {}
for weight in (3, 30):
    x, y, match, optimizers = one_game("attack", gamma=weight)
    for _ in range(30):
        play_batch(match, optimizers, x, y)
    v[f"v_{weight}"] = perturbations(match.generator, x)
figures.side_by_side(
    match.target, y, x=x, **v, **{f"x_{name}": x + v[name] for name in v}
)

# %% [markdown]
# ## Enhancing (Figures 1, 3 and 11 to 14)
#
# First come the test images whose false decision the generator turned right, then others. Above each image stand its class and what the classifier saw; below it v, scaled by its own largest value, with its l2 length; below that the sum, and what the classifier sees now.

# %% mystnb={"image": {"alt": "Test images, their enhancing perturbations and the sums, with the classes the classifier sees before and after"}} tags=["hide-input"]
figures.butterfly.gallery(run, "enhance")

# %% [markdown]
# ## Attacking (Figures 5 and 11 to 14)

# %% mystnb={"image": {"alt": "Test images, their adversarial perturbations and the sums, with the classes the classifier sees before and after"}} tags=["hide-input"]
figures.butterfly.gallery(run, "attack")

# %% [markdown]
# ## Gamma (Figures 6 and 7)

# %% tags=["hide-input"]
tables.butterfly.gammas(run)

# %% mystnb={"image": {"alt": "Images enhanced with several gamma, each above its perturbation, with what the classifier sees"}} tags=["hide-input"]
figures.butterfly.by_gamma(run, "enhance")

# %% mystnb={"image": {"alt": "Images attacked with several gamma, each above its perturbation, with what the classifier sees"}} tags=["hide-input"]
figures.butterfly.by_gamma(run, "attack")

# %% tags=["hide-input", "hide-output"]
tables.own(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. Data, networks and game are those of [the page of Table 1](enhancing.ipynb), with its departures 1, 2, 4 and 5; at `quick` on CIFAR-10's ResNet-18 alone.
# 2. Of the values of gamma the first of each list is the paper's, by the caption of its Table 3; its other values are lost, and those here are ours.
# 3. Pictures of sums are cut to [0, 1] for showing; the classifier sees them as they are.
# 4. In the attack the discriminator has the classifier's own features; the [page of the attack](attacking.ipynb) has the other way to read Section 3.4.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/pictures --profile quick \
#     -p problems='["attack"]' -p gammas_attack='["3", "30"]' -p columns=4
# ```
#
# The page goes to `build/runs/butterfly/pictures-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/pictures/` for trials that the study declares, `build/results/<profile>/butterfly/pictures/` with any other parameters. Code: `pictures` in `lib/inputgrad/trials/butterfly_figures.py`.
# ````
