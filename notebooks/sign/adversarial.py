# %% [markdown]
# # Adversarial examples with and without the sign
#
# This page re-runs Tables 1 and 2 of {cite:t}`agarwal2020sign`, and the numbers for SVHN and for eps 0.9 that the paper gives in its text only.
#
# **The claim.** One step along the *sign* of the loss gradient (FGSM) destroys a network's accuracy. One step along the gradient *itself* (FGM), at the same eps, takes much less from AlexNet, and nearly as much from ResNet-18 on CIFAR.
# The claim would be refuted by an FGM curve that lies on FGSM's for AlexNet, or far above it for ResNet-18.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = None  # list of step sizes in units of x, as text ('0.3', '8/255'); None: the paper's own
attacks = ["FGSM", "FGM"]  # list of FGSM, FGM
attack_loss = ["ce", "nll_logits"]  # losses to follow, each a reading: ce, nll_logits, margin
fgm_reduction = ["sum", "mean32"]  # how a batch's loss is reduced for FGM: sum, mean32
label = "true"  # whose loss is followed: true or predicted label
clip = True  # keep the edited images in [0, 1]
skip_misclassified = False  # leave images alone that are already misclassified
controls = True  # also run random noise, the l2-normalised step and PGD-20
pgd_images = 256  # how many of the images PGD-20 attacks

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "sign/adversarial",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, attacks=attacks,
    attack_loss=attack_loss, fgm_reduction=fgm_reduction, label=label, clip=clip,
    skip_misclassified=skip_misclassified, controls=controls,
    pgd_images=pgd_images,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# FGSM takes the sign of the gradient, FGM the gradient itself; here ε is 0.3.
#
# $$
# \begin{gathered} g = \nabla_x L(f(x), y), \\ x_{\mathrm{FGSM}} = \mathrm{clip}_{[0,1]}(x + \varepsilon\, \mathrm{sign}(g)), \\ x_{\mathrm{FGM}} = \mathrm{clip}_{[0,1]}(x + \varepsilon\, g) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the loss gradient at it, the digit after FGSM with noise over the whole image, and after FGM, with the class that the network sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image()
g = input_gradient(model, x, y)
x_fgsm = (x + 0.3 * g.sign()).clamp(0, 1)
x_fgm = (x + 0.3 * g).clamp(0, 1)
figures.side_by_side(model, y, x=x, g=g, x_fgsm=x_fgsm, x_fgm=x_fgm)

# %% [markdown]
# ## Beside the paper
#
# The column *ours* has the study's default reading of what the paper leaves open: the loss is cross-entropy, and each image follows its own gradient. *Ours, −z_y* follows minus the true logit instead, which is what a negative log-likelihood loss gives when it is fed raw logits. *Ours, mean of 32* divides the gradient by 32, as a loss averaged over the paper's batch would. A positive factor changes FGM and leaves the sign as it is.

# %% tags=["hide-input"]
tables.beside(run, ["default", "attack_loss=nll_logits", "fgm_reduction=mean32"])

# %% mystnb={"image": {"alt": "Accuracy over eps for each data set and network: FGSM and FGM, ours solid and the paper's dashed, with FGM on minus the true logit, random signs and PGD-20 dotted"}} tags=["hide-input"]
figures.sign.over_eps(
    run, "accuracy", ["FGSM", "FGM"],
    extra=[("FGM", "attack_loss=nll_logits", "FGM, ours, −z_y"),
           ("random sign", "default", "random sign"),
           ("PGD", "default", "PGD-20")],
)

# %% [markdown]
# ## Where the magnitude goes
#
# Cross-entropy flattens once the network is sure: its gradient is (softmax − one-hot) times the gradient of the logits, and the first factor vanishes. FGM keeps this factor, so it hardly moves the images that a network is sure of. FGSM discards it, and the gradient of minus the true logit never has it.

# %% tags=["hide-input"]
tables.sign.saturation(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% tags=["hide-input", "hide-output"]
tables.own(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper does not say how AlexNet is made to fit 28x28 and 32x32 images; the default has AlexNet's 11x11 stride-4 stem and
#    three pools. `alexnet_5pool` takes "each followed by max-pooling" literally, `alexnet_224` upscales the images
#    (`models`).
# 2. The optimiser is not stated, nor AlexNet's schedule; that of ResNet-18 is: ten epochs in batches of 32 at 0.001. Ours is Adam at a constant
#    rate (`recipe`), at `paper` on that schedule for both networks. `quick` trains AlexNet in batches of 256 at 0.002, and ResNet-18 for five epochs on
#    20,000 images in batches of 128. ResNet-18 trains with bfloat16 autocast, where the device has it.
# 3. FGM follows the gradient of each image's own loss by default (`fgm_reduction`), and cross-entropy (`attack_loss`); the paper names neither.
# 4. All images are attacked, those already misclassified too (`skip_misclassified`), towards higher loss of the true label (`label`), and
#    clipped to [0, 1] as the paper states (`clip`). The networks see raw pixels: no normalisation.
# 5. The test images are a prefix of the test set: 1,000 at `quick`, 2,000 at `desk`, which has ResNet-18 alone and as `paper` trains it, all at `paper`. The recorded CIFAR results come from an archive that holds the images in
#    another order than torchvision's files, balanced over the classes.
# 6. Beyond the paper: Gaussian and sign noise of the same size, the gradient normalised to FGSM's l2 length, and PGD-20 on the
#    first images (`controls`, `pgd_images`).

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run sign/adversarial --profile quick \
#     -p datasets='["mnist"]' -p eps='["0.02","0.5"]'
# ```
#
# The page goes to `build/runs/sign/adversarial-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/sign/adversarial/` for trials that the study declares, `build/results/<profile>/sign/adversarial/` with any other parameters. Code: `adversarial` in `lib/inputgrad/trials/sign.py`, the attacks in
# `lib/inputgrad/compute/attacks/one_step.py`.
# ````
