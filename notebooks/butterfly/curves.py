# %% [markdown]
# # The game epoch by epoch
#
# Figures 4, 8, 9 and 10 and Appendix A of {cite:t}`yoo2018butterfly`.
#
# **The claim.** A smaller gamma gives larger perturbations and more gain, up to a point; false decisions turn right and right ones stay; the adversarial game converges faster; without any penalty the intensity still settles. Each has a predicate below.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # test images attacked, from the start of the test set; None: the profile's own
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
size = None  # images resized to so many pixels; None: as the data set has them
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
# WRN-10-2 at a quarter of its width, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right. Generator and discriminator start as they are drawn and meet this image alone: an illustration, no result.

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
# Full lines are the least-squares game. Dashed lines are the logistic game, played with the first gamma alone. The dotted line is the accuracy without v. Losses are means over an epoch, with the penalty in the generator's; the rest is measured after the epoch. Flips are counted on the first thousand images of the game.

# %% mystnb={"image": {"alt": "Losses, length of the perturbation, flips and held-out accuracy over the epochs of the enhancing game, one colour a gamma, the logistic game dashed"}} tags=["hide-input"]
figures.butterfly.curves(run, "enhance")

# %% [markdown]
# ## Attacking (Figures 8 and 10)

# %% mystnb={"image": {"alt": "Losses, length of the perturbation, flips and held-out accuracy over the epochs of the adversarial game, one colour a gamma, the logistic game dashed"}} tags=["hide-input"]
figures.butterfly.curves(run, "attack")

# %% [markdown]
# ## After the last epoch
#
# *D right* is how often the discriminator tells good from bad, and *t = 1* the share of good images. A constant answer is right as often as the more frequent kind, so a *D right* no higher than that tells nothing.

# %% tags=["hide-input"]
tables.butterfly.ends(run)

# %% [markdown]
# ## Appendix A, on twenty images
#
# The generator's loss against the optimal discriminator, when a growing share of every image's bad mass becomes good. A generator with weights cannot move that mass freely; the appendix says nothing about it.

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
# 1. The data are proxies. At `quick` the classifier learns 5,000 images of CIFAR-10 at 32 pixels, and encoders are pretrained on 20,000 images of CIFAR-100; ResNet-18 at a quarter of its width stands for ResNet-50, a wider one (*large*) for ResNet-101, at 32 pixels instead of 224. [B] is pretrained on the same images from another seed, so that classifier, encoder and judge begin in different places. At `paper` STL-10 keeps its 96 pixels, and encoders and [B] start from torchvision's ImageNet weights; without these nothing is pretrained, and the rows are of the reading `external=none`.
# 2. The generator's last layer starts at zero and has no activation; v is neither limited nor clipped (`limit`, `clip`). Rates (Adam), epochs and the decoder's channels are lost in the text at hand and are ours. Gamma multiplies the mean square of v (`l2`), since the paper's unit is not stated; its values are ours too.
# 3. The scratch classifier [A] is enhanced and the fine-tuned one [B] attacked, both with the small encoder and a known classifier.
# 4. Held out are the last 1,000 test images. In the rows of results the column `parameter` has gamma here, and `steps` the epoch.
# 5. In the attack the discriminator has the classifier's own features; the [page of the attack](attacking.ipynb) has the other way to read Section 3.4.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run butterfly/curves --profile quick \
#     -p problems='["enhance"]' -p gammas_enhance='["0", "0.001"]' -p d_train=full
# ```
#
# Results: `data/results/<profile>/butterfly/curves/`. Code: `curves` in `lib/inputgrad/trials/butterfly_figures.py`.
# ````
