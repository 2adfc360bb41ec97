# %% [markdown]
# # Is the robustness real? An audit
#
# This page goes beyond {cite:t}`aboutalebi2020selfgradient`: does the self-gradient network resist attacks, or only hide its gradient from them?
#
# **Why ask.** The network's answer jumps wherever the self gradient does, and a gradient attack cannot see jumps: a textbook way to look robust. So every defence meets attacks that need no gradient and attacks that look past the block, and the same training without the block is attacked beside it.

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
defences = ["Standard", "Madry PGD", "FGSM training", "Self gradient", "Self gradient, rescaled"]  # list of Standard, Madry PGD, FGSM training, Self gradient, Self gradient, rescaled
block_input = "raw"  # how the block is given the gradient: raw, max1 (largest value 1) or sign
block_scale = 1.0  # factor on the block's output, at least 0
detach_train = False  # in training, treat the self gradient as a constant
restarts = 5  # random starts of PGD-100 with each of two losses
samples = 16  # draws over which smoothed gradients are averaged
queries = None  # queries of the Square attack; None: 200 at smoke, 2000 at quick, 5000 at paper
autoattack = True  # also run two of AutoAttack's attacks: APGD on cross-entropy, then targeted APGD
radii = ["1/255", "2/255", "4/255", "16/255", "32/255", "64/255"]  # list of radii of PGD-20; from 64/255 on it must bring accuracy to zero
libraries = []  # list of other libraries whose attacks to run beside: foolbox, art, torchattacks, adv-lib
gradients = 100  # gradients an image that each of their attacks has, and ours beside

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "selfgrad/audit",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, defences=defences,
    block_input=block_input, block_scale=block_scale, detach_train=detach_train,
    restarts=restarts, samples=samples, queries=queries, autoattack=autoattack,
    radii=radii, libraries=libraries, gradients=gradients,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# An attack that looks past the block: one step on f is shown to F, beside one step on F; here ε is 32/255.
#
# $$
# \begin{gathered} x_{\mathrm{past}} = \mathrm{clip}_{[0,1]}\bigl(x + \varepsilon\, \mathrm{sign}\, \nabla_x L(f(x), y)\bigr), \\ x_{\mathrm{adv}} = \mathrm{clip}_{[0,1]}\bigl(x + \varepsilon\, \mathrm{sign}\, \nabla_x L(F(x), y)\bigr), \\ F(x) = f\bigl(x + c\,B(g)\bigr) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right; the block is as it is drawn, before any training: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the loss gradient through the block and the image one step along it, the loss gradient of the network without its block and the image one step along that"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image, reading_itself

x, y, model = one_image()
F = reading_itself(model)
g, g_past = input_gradient(F, x, y), input_gradient(F.net, x, y)
x_adv, x_past = ((x + 32 / 255 * d.sign()).clamp(0, 1) for d in (g, g_past))
figures.side_by_side(F, y, x=x, g=g, x_adv=x_adv, g_past=g_past, x_past=x_past)

# %% [markdown]
# ## The checklist
#
# These are signs of a masked gradient ({cite:t}`athalye2018obfuscated`, {cite:t}`carlini2019evaluating`). Each is answered from the measurements below. Most allow five points for chance. Two do not: the loss may fall along FGSM's direction on at most ten images in a hundred, and random signs must leave more images right than PGD-20 does. The caption is the verdict, and says where the block was too small to mask anything. On a network with ReLU, holding the block constant changes no gradient: that line checks the code as much as the network.

# %% tags=["hide-input"]
tables.selfgrad.checklist(run)

# %% [markdown]
# ## Every attack on every defence
#
# *Worst of all* counts an image as right only if no attack fooled it. *Smoothed* follows logits averaged over normal noise of standard deviation eps/2, and with them the gradients of many neighbouring pieces. *Block held constant* differentiates the second pass only. A *transfer* attacks another network, such as this one with its block off, and shows the result to this one. *APGD, then targeted* is AutoAttack's pair of gradient attacks. No gradient sees a jump of the block; only Square, which needs the logits alone, looks there.

# %% mystnb={"image": {"alt": "Accuracy of each defence under each attack of the audit, one row an attack, one point a defence"}} tags=["hide-input"]
figures.selfgrad.audit(run)

# %% tags=["hide-input"]
tables.selfgrad.audit(run)

# %% [markdown]
# ## Over the radius

# %% mystnb={"image": {"alt": "Accuracy under PGD-20 over eps from 1/255 to 64/255 on a logarithmic axis, one line a defence, with 95 percent bands"}} tags=["hide-input"]
figures.selfgrad.radii(run)

# %% [markdown]
# ## Something else in the block's place
#
# The same weights are used again without new training: with the block switched off, with the block replaced by its mean output on the first hundred images, or with the block fed with normal noise as large as the gradient.

# %% tags=["hide-input"]
tables.selfgrad.controls(run)

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
# 1. Network and training are those of [the page of Tables 2 to 5](defences.ipynb).
# 2. Nothing of this page is in the paper. An image counts as right under an attack only if it was right before. PGD and CW count any iterate, the other attacks what they end with.
# 3. FAB of AutoAttack is left out: it minimises a distance, and at a fixed radius the other three attacks decide. A network is audited on 100 images with 2,000 queries of Square at `quick`, on 1,000 with 5,000 at `paper`.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run selfgrad/audit --profile quick \
#     -p queries=1000 -p block_input=sign
# ```
#
# The page goes to `build/runs/selfgrad/audit-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/selfgrad/audit/` for trials that the study declares, `build/results/<profile>/selfgrad/audit/` with any other parameters. Code: `lib/inputgrad/trials/audit.py`; Square and APGD from the attacks' authors' library.
# ````
