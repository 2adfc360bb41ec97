# %% [markdown]
# # Four defences under attack
#
# This page re-runs Tables 2 to 5 and Figure 1 of {cite:t}`aboutalebi2020selfgradient`.
#
# **The claim.** A network whose input is corrected by a small function of its own input gradient, trained on single-step attacks, keeps more accuracy under PGD and CW than PGD training does, and more on clean images.
# The claim would be refuted by a self-gradient network that is not ahead of PGD training, or not ahead of the same single-step training without the block.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = "8/255"  # radius of the attacks at test, in units of x in [0, 1], as text
steps = [10, 20, 40, 100]  # list of numbers of steps of PGD and CW
defences = ["Standard", "Madry PGD", "FGSM training", "Self gradient", "Self gradient, rescaled"]  # list of Standard, Madry PGD, FGSM training, Self gradient, Self gradient, rescaled
block_input = "raw"  # how the block is given the gradient: raw, max1 (largest value 1) or sign
block_scale = 1.0  # factor on the block's output, at least 0
detach_train = False  # in training, treat the self gradient as a constant

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "selfgrad/defences",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, steps=steps,
    defences=defences, block_input=block_input, block_scale=block_scale,
    detach_train=detach_train,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# A network f reads its own gradient: the gradient of the sum of its logits goes through the block B and is added to the image, which f then sees.
#
# $$
# \begin{gathered} F(x) = f\bigl(x + c\,B(g)\bigr), \\ g = \nabla_x \textstyle\sum_i f_i(x) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right; the block is as it is drawn, before any training: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the gradient of the sum of the logits at it, what the block makes of that gradient, and the sum that the network sees, with its decisions"}} tags=["method", "remove-stderr"]
from inputgrad.trials.example import one_image, reading_itself

x, y, model = one_image()
F = reading_itself(model)
g = F.gradient(x)
v = F.block_of(g)
figures.side_by_side(model, y, x=x, g=g, v=v, x_seen=x + v)

# %% [markdown]
# ## The network (Figure 1)
#
# The soft loss, the sum of the logits, needs no label. Its gradient goes through five 1x1 convolutions with tanh and is added to the image; a second pass through the same weights decides. The figure is drawn from the modules that one forward pass calls.

# %% mystnb={"image": {"alt": "The data flow of a self-gradient network: the image through the network, the gradient of the sum of its logits through five 1x1 convolutions with tanh, added to the image, through the same network again"}} tags=["computes", "hide-input"]
from inputgrad.compute.methods import selfgradient

figures.selfgrad.architecture(selfgradient.calls_of_a_forward())

# %% [markdown]
# ## Beside the paper (Tables 2 to 4)
#
# PGD and CW start at random in the ball and take steps of a quarter of eps; CW is PGD on the margin. An image counts as fooled by k steps if any of the first k iterates fools the network; under FGSM it counts by its class after the step, also where it was wrong before. *Bilateral* is another paper's defence, whose numbers are quoted; [a page of its own](bilateral.ipynb) trains it. *FGSM training* is the single-step training of the self-gradient network, without its block: the control that the paper leaves out.

# %% tags=["hide-input"]
tables.selfgrad.defences(run)

# %% mystnb={"image": {"alt": "Accuracy over the number of attack steps for each defence, PGD as lines and CW dashed, the paper's PGD numbers as crosses, one panel a data set"}} tags=["hide-input"]
figures.selfgrad.over_steps(run)

# %% [markdown]
# ## The block switched off (Table 5)

# %% tags=["hide-input"]
tables.selfgrad.switched(run)

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
# 1. The network is WRN-10-2; at `paper` it is the paper's WRN-28-10. A table of the [chapter](../../book/papers/selfgrad.md) says how each profile trains it. Weight decay 5e-4, batch 128, crops and mirror images (on SVHN crops alone) are ours, because the paper's supplement was not at hand.
# 2. The block is three channels wide, without bias, and is given the gradient as it is (`block_input=raw`), its output added with factor 1 (`block_scale`). In training gradients pass through the self gradient (`detach_train=False`), which bfloat16 rounds there and not at test. *Self gradient, rescaled* is ours: its block is given the gradient with largest value 1, a constant in training, so that it has more to read; how much either block then adds is in the chapter.
# 3. Attacks in training are made with the network in training mode, and every pass, also the attack's, moves the statistics of batch norm: FGSM from the image itself with a step of 8/255, PGD with seven steps of 2/255 from a random start, as Madry et al. train CIFAR-10.
# 4. Attacks at test go through both passes of the network, in evaluation mode and float32. With the block disabled, the attack is on the network without it.
# 5. SVHN is declared at `paper` only; what claims say of it is decided apart from what they say of CIFAR-10 and CIFAR-100. *Bilateral* is trained on [its own page](bilateral.ipynb).
# 6. At `quick` 500 test images are attacked. The recorded CIFAR results come from archives that hold the images in another order than torchvision's files.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run selfgrad/defences --profile quick \
#     -p datasets='["cifar10"]' -p defences='["Self gradient"]' \
#     -p block_input=max1
# ```
#
# The page goes to `build/runs/selfgrad/defences-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/selfgrad/defences/` for trials that the study declares, `build/results/<profile>/selfgrad/defences/` with any other parameters. Code: `defences` in `lib/inputgrad/trials/selfgrad.py`; the network in `lib/inputgrad/compute/methods/selfgradient.py`, training in `lib/inputgrad/compute/methods/defences.py`.
# ````
