# %% [markdown]
# # Raising the accuracy of a classifier that may not change
#
# This page re-runs the experiments of Table 1 and of the enhancing half of Table 3 of {cite:t}`yoo2018butterfly`, on stand-ins for its data and networks.
#
# **The claim.** A generator that learns only which of its images a frozen classifier gets right makes small perturbations that raise the classifier's accuracy, nearly to that of a pretrained and fine-tuned one.
# The claim would be refuted by an accuracy that does not rise on test images. It would say little about perturbations if a linear layer on the same pretrained encoder, with the same labels, did as well.

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
l2 = "mean_square"  # intensity of v: mean_square over all values, or mean over images of the l2 norm
sizes = ["small", "large"]  # list of encoders: small, large; further rows have the first
loss = ["ls", "lr"]  # list of losses: ls (least squares), lr (logistic); further rows have the first
d_train = ["head", "full"]  # list of what learns in the discriminator: head, full; further rows have the first
objective = ["game", "direct"]  # list of game, and direct: the classifier's own cross-entropy in its place
budget = "8/255"  # largest absolute value of v in the rows called limited, in units of x in [0, 1], as text
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
    "butterfly/enhancing",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, gamma=gamma, l2=l2,
    sizes=sizes, loss=loss, d_train=d_train, objective=objective, budget=budget,
    limit=limit, clip=clip, size=size, external=external, first=first, game=game,
    pretraining=pretraining,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The pictures show thirty rounds of the game: D learns whether the decision on x + v is right (t = 1), and G learns to please D. γ is 3 here.
#
# $$
# \begin{gathered} \tilde x = x + v, \\ v = G(x), \\ L_D = (D(\tilde x) - t)^2, \\ L_G = (D(\tilde x) - 1)^2 + \gamma\, \overline{v^2} \end{gathered}
# $$
#
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong. The generator's encoder and the discriminator's body begin as the classifier's body, the rest as it is drawn, and they meet this image alone: an illustration, no result.

# %% mystnb={"image": {"alt": "A misclassified handwritten digit, the generator's perturbation after thirty rounds, and their sum, with the class that the classifier sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.trials.example import one_game

x, y, match, optimizers = one_game("enhance", gamma=3)
for _ in range(30):
    play_batch(match, optimizers, x, y)
v = perturbations(match.generator, x)
figures.side_by_side(match.target, y, x=x, v=v, x_tilde=x + v)

# %% [markdown]
# ## Beside the paper (Tables 1 and 3)
#
# What is recorded are proxies, so that no number of the paper stands beside ours; a run on the paper's data sets and networks has it.
#
# - **Classifiers:** *[A]* learned the target data alone; *[B]* began where the external data left it.
# - **Games:** *ls* is the least-squares game, *lr* the logistic one. *limited* generators keep every value of v within `budget`.
# - **Numbers:** *p_true* is the mean softmax probability of the true class, our reading of the second number of each cell, which the text does not explain.
# - **Last rows, without a generator:** a linear layer, or a classifier with as many weights as the decoder, on the encoder that the small generator starts from; the mean of the probabilities of that linear layer and of the classifier; and that encoder fine-tuned. All of them learn the labels that the classifier learned.

# %% tags=["hide-input"]
tables.butterfly.enhancing(run)

# %% mystnb={"image": {"alt": "Accuracy of each classifier and generator with its interval, one row a generator, one colour a data set and network"}} tags=["hide-input"]
figures.butterfly.rows(run)

# %% [markdown]
# ## Is the generator a classifier?
#
# A v that writes the label would work on a grey image. One that repairs the image would fail there, and on another image. Noise of its length should do nothing. On other classifiers v shows what it knows of this one; the rows *Vanilla* have their accuracy without v.

# %% tags=["hide-input"]
tables.butterfly.controls(run)

# %% tags=["hide-input"]
tables.butterfly.verdict(run)

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
# 1. The data stand in for the paper's. At `quick` the classifier learns 5,000 images of CIFAR-10 at 32 pixels, or of Imagenette at 96 (ten classes of ImageNet, for ImageNet-10), instead of images at 224. Encoders are pretrained on 20,000 images of CIFAR-100 at the same size. ResNet-18 at a quarter of its width stands for ResNet-50, a wider one (*large*) for ResNet-101. [B] is pretrained on the same images from another seed, so that classifier and encoders begin in different places. At `paper` STL-10 keeps its 96 pixels, and encoders and [B] start from torchvision's ImageNet weights; without these nothing is pretrained, and the rows are of the reading `external=none`.
# 2. The generator's last layer starts at zero and has no activation; v is neither limited nor clipped (`limit`, `clip`). Rates (Adam), epochs and the decoder's channels are lost in the text at hand and are ours. Gamma multiplies the mean square of v (`l2`), since the paper's unit is not stated.
# 3. As the text has it, of the discriminator only the last unit learns; *D trained fully* lets all of it learn (`d_train`). *direct* has no discriminator: the generator goes down the classifier's own cross-entropy (`objective`).
# 4. The game is played on the images the classifier was trained on, from the first on, at `quick` on Imagenette on half of them, for eight epochs; `first` moves it to others.
# 5. The classifiers are at `quick` ResNet-18 at a quarter of its width and, on CIFAR-10, WRN-10-2, in place of ResNet-50, ResNet-101, VGG16 and DenseNet169; the first 2,000 test images, one run. The recorded CIFAR results come from archives that hold the images in another order than torchvision's files, the Imagenette ones from an archive that was compressed with loss.
# 6. At `paper` images of STL-10, too, are standardised by ImageNet's mean and deviation inside the network; the paper does so with its subsets of ImageNet alone.
# 7. The classifiers on the encoder are fitted by L-BFGS on standardised features. They and the controls are ours.
# 8. One row is of a game on as many images that the classifier never saw. The table has the accuracy on the first thousand of the game's images beside that on test images: a classifier that is right on all of them would leave the game nothing to learn.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/enhancing --profile quick \
#     -p models='["resnet18"]' -p gamma=0.01 -p objective='["direct"]'
# ```
#
# The page goes to `build/runs/butterfly/enhancing-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/butterfly/enhancing/` for trials that the study declares, `build/results/<profile>/butterfly/enhancing/` with any other parameters. Code: `enhancing` in `lib/inputgrad/trials/butterfly.py`; the game in `lib/inputgrad/compute/methods/game.py`, its networks in `lib/inputgrad/compute/methods/generator.py`.
# ````
