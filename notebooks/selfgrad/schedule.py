# %% [markdown]
# # Single steps over a longer schedule
#
# This page goes beyond {cite:t}`aboutalebi2020selfgradient`: does training on single steps last, and what does the block as published add to it on a small network?
#
# **Why ask.** The paper trains its network on FGSM, one step an image. Such training can fail at once as it goes on (*catastrophic overfitting*, Wong, Rice and Kolter 2020; Andriushchenko and Flammarion 2020): within an epoch the network learns to stand FGSM alone, and PGD fools it on nearly every image. [The page of the active block](active.ipynb) stops after a short schedule, and its blocks are ours. Here the same network is trained with the block of the paper, and without a block for several times the epochs.
#
# **What would refute it.** That training on FGSM lasts is refuted where accuracy under PGD is gone in the last epoch. That the block adds robustness is refuted where its network stands on no more images than the control, after as many epochs.

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
longer = 4  # how many times the epochs of the short schedule the long one has, 2 or more

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "selfgrad/schedule",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps,
    longer=longer,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The pictures show what one training step is made on: FGSM starts at the image itself, the other at a random point x + u of the ball, and its step is 1.25 ε long. f is the network, L the cross-entropy, Π the projection onto the ball of radius ε around x.
#
# $$
# \begin{gathered} x_{\mathrm{FGSM}} = \mathrm{clip}_{[0,1]}\bigl(x + \varepsilon\, \mathrm{sign}\, \nabla_x L(f(x), y)\bigr) \\ x_{\mathrm{rand}} = \mathrm{clip}_{[0,1]}\, \Pi_\varepsilon\bigl(x_u + 1.25\, \varepsilon\, \mathrm{sign}\, \nabla_x L(f(x_u), y)\bigr), \\ x_u = \mathrm{clip}_{[0,1]}(x + u), \quad u \sim U[-\varepsilon, \varepsilon] \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right, with ε = 8/255: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the perturbation and the image of one FGSM step from the image itself, and those of one step from a random start, with the class that the network sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image, random_start

x, y, model = one_image()
v_fgsm = 8 / 255 * input_gradient(model, x, y).sign()
x_u = random_start(x, 8 / 255)
step = 10 / 255 * input_gradient(model, x_u, y).sign()
v_rand = (x_u + step - x).clamp(-8 / 255, 8 / 255)
x_fgsm, x_rand = ((x + v).clamp(0, 1) for v in (v_fgsm, v_rand))
figures.side_by_side(
    model, y, x=x, v_fgsm=v_fgsm, x_fgsm=x_fgsm, v_rand=v_rand, x_rand=x_rand
)

# %% [markdown]
# ## Robustness, epoch by epoch
#
# Each line is one training; the short schedule is dashed. After each epoch the last 256 test images are attacked by PGD-10 within 8/255.

# %% mystnb={"image": {"alt": "Accuracy under PGD-10 over the epochs of training, one line a network, the short schedule dashed"}} tags=["hide-input"]
figures.selfgrad.epochs(run)

# %% [markdown]
# ## After the last epoch
#
# *Worst of all* counts an image as right only if none of FGSM, PGD-20 and CW-20 fooled it. That is no audit: [the page of the active block](active.ipynb) and [that of the audit](audit.ipynb) have attacks that are made to find what these miss. Attacks hold the block constant; *block off* is the same weights without their block, attacked on their own. The last two columns are from training, the epoch with the highest accuracy under PGD-10 and the last one.

# %% mystnb={"image": {"alt": "Clean accuracy, accuracy under PGD-20 and in the worst case over three attacks, one row a network and a schedule, with the block and with it off"}} tags=["hide-input"]
figures.selfgrad.active(run)

# %% tags=["hide-input"]
tables.selfgrad.schedule(run)

# %% [markdown]
# Two networks at a time, on the same images: with the block and without it, from a random start and from the image itself, after the long schedule and after the short one.

# %% tags=["hide-input"]
tables.selfgrad.by_run(run)

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
# 1. Nothing of this page is in the paper, but for the block: given the gradient as it is, with nothing held constant in training.
# 2. At `quick` the network is WRN-10-2 at half its width, on 10,000 images: six epochs are the short schedule and `longer` times as many the long one, over which the learning rate rises and falls once, as over the short one. The trainings in which others saw catastrophic overfitting had larger networks and all images.
# 3. The network with the block has the short schedule alone: its training goes through second derivatives, and takes several times as long.
# 4. *Random start* takes its step from a random point of the ball and makes it 1.25 eps long, as Wong, Rice and Kolter (2020) do. It has the long schedule alone; the short one is on [the page of the active block](active.ipynb).
# 5. Robustness during training is followed on 256 images within 8/255, whatever `images` and `eps` say.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run selfgrad/schedule --profile quick \
#     -p seeds='[1]'
# ```
#
# The page goes to `build/runs/selfgrad/schedule-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/selfgrad/schedule/` for trials that the study declares, `build/results/<profile>/selfgrad/schedule/` with any other parameters. Code: `schedule` in `lib/inputgrad/trials/selfgrad_schedule.py`; the defences in `lib/inputgrad/compute/methods/defences.py`.
# ````
