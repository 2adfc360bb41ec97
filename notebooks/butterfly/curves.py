# %% [markdown]
# # The game epoch by epoch
#
# This page redraws Figures 4, 8, 9 and 10 of {cite:t}`yoo2018butterfly`, and computes its Appendix A.
#
# **The claim.** A smaller gamma gives larger perturbations and more gain, up to a point. False decisions turn right, and right ones stay. The adversarial game converges faster, and without any penalty the intensity still settles. Each of these has a predicate below.

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
gammas_enhance = ["0.0001", "0", "0.1", "1", "10", "100"]  # list of weights of the intensity to enhance with, as text
gammas_attack = ["3", "0", "0.3"]  # list of weights of the intensity to attack with, as text
l2 = "mean_square"  # intensity of v: mean_square over all values, or mean over images of the l2 norm
loss = ["ls", "lr"]  # list of losses: ls (least squares), lr (logistic)
d_train = "head"  # what learns in the discriminator: head or full
objective = "game"  # game, or direct: the classifier's own cross-entropy in its place
limit = None  # largest absolute value of v in units of x in [0, 1]; None: no limit
clip = False  # clip perturbed images to [0, 1]
size = None  # images resized to so many pixels a side, 32 to 512; None: as the data set has them
external = None  # data set the encoder is pretrained on, imagenet or none; None: the study's own
first = 0  # index of the first training image of the game; the classifier's own begin at 0
game = {}  # fields to change in the training of the generator, such as {'epochs': 2}
pretraining = {}  # fields to change in the pretraining of encoders

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "butterfly/curves",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, problems=problems,
    gammas_enhance=gammas_enhance, gammas_attack=gammas_attack, l2=l2, loss=loss,
    d_train=d_train, objective=objective, limit=limit, clip=clip, size=size,
    external=external, first=first, game=game, pretraining=pretraining,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# One round of the game is a step of D and a step of G. Here are v and the image after ten rounds, and after thirty; γ is 3.
#
# $$
# \begin{gathered} \tilde x = x + v, \\ v = G(x), \\ L_D = (D(\tilde x) - t)^2, \\ L_G = (D(\tilde x) - 1)^2 + \gamma\, \overline{v^2} \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right. The generator's encoder and the discriminator's body begin as the classifier's body, the rest as it is drawn, and they meet this image alone: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the generator's perturbation and the sum after ten rounds, and after thirty, with the class that the classifier sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

x, y, match, optimizers = one_game("attack", gamma=3)
v = []
for _ in range(30):
    play_batch(match, optimizers, x, y)
    v.append(perturbations(match.generator, x))
figures.side_by_side(
    match.target, y, x=x, v_10=v[9], x_10=x + v[9], v_30=v[29], x_30=x + v[29]
)

# %% [markdown]
# ## Enhancing (Figures 4 and 9)
#
# Full lines are the least-squares game (*ls*). Dashed lines are the logistic game (*lr*), played with the first gamma alone. The dotted line is the accuracy without v. Losses, *D right* and *t = 1* are means over an epoch, while G learns, with the penalty in G's loss; the rest is measured after the epoch. A flip is a decision that v turns from false to correct or back, counted on the first thousand images of the game.

# %% mystnb={"image": {"alt": "Losses, length of the perturbation, flips and held-out accuracy over the epochs of the enhancing game, one colour a gamma, the logistic game dashed"}} tags=["hide-input"]
figures.butterfly.curves(run, "enhance")

# %% [markdown]
# ## Attacking (Figures 8 and 10)

# %% mystnb={"image": {"alt": "Losses, length of the perturbation, flips and held-out accuracy over the epochs of the adversarial game, one colour a gamma, the logistic game dashed"}} tags=["hide-input"]
figures.butterfly.curves(run, "attack")

# %% [markdown]
# ## After the last epoch
#
# *t* is 1 where the classifier's decision on x + v is the wanted one: a right one to enhance, a wrong one to attack. *D right* is how often the discriminator says t, and *t = 1* the share of wanted decisions, both over the last epoch while G learns. A constant answer is right as often as the more frequent kind, so a *D right* no higher than that tells nothing.

# %% tags=["hide-input"]
tables.butterfly.ends(run)

# %% [markdown]
# ## Appendix A, on twenty images
#
# The table has the generator's loss against the optimal discriminator, when a growing share of every image's bad mass becomes good. A generator with weights cannot move that mass freely; the appendix says nothing about it.

# %% tags=["hide-input"]
tables.butterfly.optimum(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.own(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. Data, networks and game are those of [the page of Table 1](enhancing.ipynb), with its departures 1, 2, 4 and 5; at `quick` on CIFAR-10's ResNet-18 alone. Of the values of gamma the first of each list is the paper's, by the caption of its Table 3, and 0 is its game without a penalty; its other values are lost, and those here are ours.
# 2. The scratch classifier [A] is enhanced and the fine-tuned one [B] attacked, both with the small encoder and a known classifier.
# 3. Held out are the last 1,000 test images. In the rows of results the column `parameter` has gamma here, and `steps` the epoch.
# 4. In the attack the discriminator has the classifier's own features; the [page of the attack](attacking.ipynb) has the other way to read Section 3.4.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/curves --profile quick \
#     -p problems='["enhance"]' -p gammas_enhance='["0", "0.001"]' -p d_train=full
# ```
#
# The page goes to `build/runs/butterfly/curves-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/curves/` for trials that the study declares, `build/results/<profile>/butterfly/curves/` with any other parameters. Code: `curves` in `lib/inputgrad/trials/butterfly_figures.py`.
# ````
