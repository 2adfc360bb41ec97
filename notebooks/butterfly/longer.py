# %% [markdown]
# # The same game, played for longer
#
# [The page of the curves](curves.ipynb) follows the game for six epochs at `quick` and leaves open what further epochs would do. Here the enhancing game is played for five times as many, with the gamma of the paper and without a penalty, and the adversarial one with the paper's gamma. Nothing else differs.
#
# **Why ask.** {cite:t}`yoo2018butterfly` report in their Appendix B that the intensity of v settles without a penalty, and in Section 4.2 that false decisions turn right as the game goes on. The last third of six epochs is two, too few to see anything settle.
#
# **What would refute it.** A game that only needs more epochs raises the classifier on held-out images in one of these. If the game has failed for good, its discriminator is right no more often than a constant answer, after six epochs and after the last.

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
gammas_enhance = ["0.0001", "0"]  # list of weights of the intensity to enhance with, as text
gammas_attack = ["3"]  # list of weights of the intensity to attack with, as text
l2 = "mean_square"  # intensity of v: mean_square over all values, or mean over images of the l2 norm
loss = ["ls"]  # list of losses: ls (least squares), lr (logistic)
d_train = "head"  # what learns in the discriminator: head or full
objective = "game"  # game, or direct: the classifier's own cross-entropy in its place
limit = None  # largest absolute value of v in units of x in [0, 1]; None: no limit
clip = False  # clip perturbed images to [0, 1]
size = None  # images resized to so many pixels a side, 32 to 512; None: as the data set has them
external = None  # data set the encoder is pretrained on, imagenet or none; None: the study's own
first = 0  # index of the first training image of the game; the classifier's own begin at 0
game = {}  # fields to change in the training of the generator, such as {'epochs': 2}
pretraining = {}  # fields to change in the pretraining of encoders
longer = 5  # how many times the epochs of the curves' games these have, 2 or more

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "butterfly/longer",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, problems=problems,
    gammas_enhance=gammas_enhance, gammas_attack=gammas_attack, l2=l2, loss=loss,
    d_train=d_train, objective=objective, limit=limit, clip=clip, size=size,
    external=external, first=first, game=game, pretraining=pretraining,
    longer=longer,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The losses of the enhancing game without a penalty: f is the classifier, v = G(x), t is 1 where the decision on x + v is right. Here are v and the image after ten rounds, and after five times as many.
#
# $$
# \begin{gathered} \tilde x = x + G(x), \quad t = [f(\tilde x) = y], \\ L_D = (D(\tilde x) - t)^2, \\ L_G = (D(\tilde x) - 1)^2 \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong. The generator's encoder and the discriminator's body begin as the classifier's body, the rest as it is drawn, and they meet this image alone: an illustration, no result.

# %% mystnb={"image": {"alt": "A misclassified handwritten digit, the generator's perturbation and the sum after ten rounds, and after fifty, with the class that the classifier sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

x, y, match, optimizers = one_game("enhance", gamma=0)
v = []
for _ in range(50):
    play_batch(match, optimizers, x, y)
    v.append(perturbations(match.generator, x))
early, late = v[9], v[49]
figures.side_by_side(
    match.target, y, x=x, v_10=early, x_10=x + early, v_50=late, x_50=x + late
)

# %% [markdown]
# ## Enhancing
#
# The dotted line is the accuracy without v. Losses, *D right* and *t = 1* are means over an epoch, while G learns, with the penalty in G's loss; the rest is measured after the epoch. A flip is a decision that v turns from false to correct or back, counted on the first thousand images of the game.

# %% mystnb={"image": {"alt": "Losses, length of the perturbation, flips and held-out accuracy over the epochs of the longer enhancing game, one colour a gamma"}} tags=["hide-input"]
figures.butterfly.curves(run, "enhance")

# %% [markdown]
# ## Attacking

# %% mystnb={"image": {"alt": "Losses, length of the perturbation, flips and held-out accuracy over the epochs of the longer adversarial game"}} tags=["hide-input"]
figures.butterfly.curves(run, "attack")

# %% [markdown]
# ## After the last epoch
#
# *t* is 1 where the classifier's decision on x + v is the wanted one. *D right* is how often the discriminator says t, and *t = 1* the share of wanted decisions, both over the last epoch while G learns.

# %% tags=["hide-input"]
tables.butterfly.ends(run)

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
# 1. Data, networks and game are those of [the curves](curves.ipynb), with its departures; the number of epochs is `longer` times theirs, at a constant rate of Adam as there. How many epochs the paper's games have is lost in the text at hand.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/longer --profile quick \
#     -p problems='["enhance"]' -p gammas_enhance='["0"]' -p longer=2
# ```
#
# The page goes to `build/runs/butterfly/longer-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/longer/` for trials that the study declares, `build/results/<profile>/butterfly/longer/` with any other parameters. Code: `longer` in `lib/inputgrad/trials/butterfly_figures.py`.
# ````
