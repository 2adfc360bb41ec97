# %% [markdown]
# # Bilateral training, run
#
# Tables 2 to 4 of {cite:t}`aboutalebi2020selfgradient` have a row *Bilateral*, quoted from {cite:t}`wang2019bilateral`, and the paper's claims compare the self-gradient network with it. This page trains a network like that.
#
# **The method.** Each training image takes one step towards the wrong class it is most easily taken for, from a random point of its ball, and its label gives some of its mass to the wrong classes: most of it to those that the image looks least like.
#
# **What would refute it.** That it hardens beyond PGD training, as in the paper's table, is refuted where PGD training keeps as much under PGD and CW. A network trained on labels that are not all of one class may have a loss on which PGD finds little; so the page also counts images that stand under PGD-20 and fall to another attack.

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
queries = 500  # of the Square attack, on images that still stand
targets = 2  # most likely wrong classes that targeted APGD aims at, on images that still stand

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "selfgrad/bilateral",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps,
    steps=steps, queries=queries, targets=targets,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The step goes to the likeliest wrong class k*, from a random point x + u of the ball. With the loss at each class, ℓ, the wrong classes share the mass δ, and the true class y keeps β times what the largest of them gets.
#
# $$
# \begin{gathered} x' = \mathrm{clip}_{[0,1]}\, \Pi_\varepsilon\bigl(x_u - \varepsilon\, \mathrm{sign}\, \nabla_x L(f(x_u), k^*)\bigr), \\ k^* = \arg\max_{k \ne y} f_k(x), \quad x_u = \mathrm{clip}_{[0,1]}(x + u), \quad u \sim U[-\varepsilon, \varepsilon] \\ y'_k = \delta\, \frac{\ell_k - \ell_{k^*} + \gamma}{\sum_{j \ne y} (\ell_j - \ell_{k^*} + \gamma)} \;\; (k \ne y), \\ \ell_k = -\log p_k(x), \quad y'_y = 1 - \delta = \beta \max_{k \ne y} y'_k \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right, with ε = 32/255, β = 9 and γ = 0.01: an illustration, no result. The line above the pictures is the label that the network would be trained on, class by class.

# %% mystnb={"image": {"alt": "A handwritten digit, the step towards the likeliest wrong class, and the image after it, with the class that the network sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.methods.bilateral import adversarial_labels, most_confusing
from inputgrad.trials.example import one_image, random_start

x, y, model = one_image()
k = most_confusing(model(x), y)
x_u = random_start(x, 32 / 255)
step = 32 / 255 * input_gradient(model, x_u, k).sign()
v = (x_u - step - x).clamp(-32 / 255, 32 / 255)
print("label:", " ".join(f"{p:.3f}" for p in adversarial_labels(model(x), y)[0]))
figures.side_by_side(model, y, x=x, v=v, x_step=(x + v).clamp(0, 1))

# %% [markdown]
# ## Beside what the paper quotes
#
# PGD and CW start at random in the ball and take steps of a quarter of eps; an image counts as fooled by k steps if any of the first k iterates fools the network. *Worst of all* counts an image as right only if none of FGSM, PGD-20, CW-20, Square, APGD and targeted APGD fooled it, the last where there are four classes; longer PGD and CW are not in it. *Missed by PGD-20* are those that PGD-20 leaves right and one of these fools. The other rows of Tables 2 to 4 are on [the page of the defences](defences.ipynb).

# %% tags=["hide-input"]
tables.selfgrad.bilateral(run)

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
# 1. The paper quotes the row and trains nothing. Its numbers are those of Wang and Zhang (2019) for WRN-28-10 with the most confusing class as the target and eps 8/255, trained for 200 epochs; here the network and its recipe are those of [the other defences](defences.ipynb), so that they can be compared.
# 2. The step, as long as eps and from a random start, β = 9 on CIFAR-10 and γ = 0.01 are those of [the authors' script](https://github.com/wjyouch/bilateral-adversarial-training/blob/25c9d86/train.sh). It does not clip the start to [0, 1] before the gradient is taken, and adds 1e-8 to each probability before the logarithm.
# 3. Class, label and gradient of a training image are taken from the network in evaluation mode, as in that script; the other defences of this chapter are attacked in training mode. Where the recipe asks for bfloat16, logits are rounded to it.
# 4. On CIFAR-100, for which the script gives no β, it is 99 here: like 9 with ten classes, it leaves the true class half of a label where the wrong ones are alike. A network with β = 9 was trained there first, and 99 chosen after its rows were seen; they stand in a table of their own.
# 5. At `quick` 500 test images are attacked; targeted APGD aims at the `targets` likeliest wrong classes.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run selfgrad/bilateral --profile quick \
#     -p datasets='["cifar10"]' -p seeds='[1]'
# ```
#
# The page goes to `build/runs/selfgrad/bilateral-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/selfgrad/bilateral/` for trials that the study declares, `build/results/<profile>/selfgrad/bilateral/` with any other parameters. Code: `bilateral` in `lib/inputgrad/trials/selfgrad_bilateral.py`; the training in `lib/inputgrad/compute/methods/bilateral.py`.
# ````
