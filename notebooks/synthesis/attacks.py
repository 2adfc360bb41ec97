# %% [markdown]
# # The same networks under every attack
#
# No paper has this table: each tries its own attacks on its own networks at its own eps. Here the networks of the chapters, trained as at this page's profile there, stand side by side in one l∞ ball, 0.1 for MNIST and 8/255 for colour images.
#
# Uphill they meet one step with and without the sign (`sign`), Algorithm 1 (`convex`), a universal perturbation (with which `butterfly` compares itself), and 50 steps of projected gradient ascent. Downhill they meet the step that `sign` calls cooperative. `smooth` and `selfgrad` bring defences, and no attack of their own; the generator of `butterfly` is not here.
#
# **What it can refute.**
#
# - The sign is what makes the step strong: then the step without it would leave more at equal l2 length, too.
# - One step shows what a network withstands: then many steps would leave as much.
# - A step downhill repairs: then it would lower no network's accuracy. Its control follows the predicted label, which adds nothing about the true class.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = None  # radius of the l-infinity ball in units of x, as text; None: 0.1 for mnist, digits28, else 8/255
steps = 50  # steps of PGD, under cross-entropy and under the margin
uap_images = 200  # training images the universal perturbation is made from
libraries = []  # list of other libraries whose attacks to run beside: foolbox, art, torchattacks, adv-lib
gradients = 100  # gradients an image that each of their attacks has, and ours beside

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "synthesis/attacks",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, steps=steps,
    uap_images=uap_images, libraries=libraries, gradients=gradients,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The pictures show one step up the loss (FGSM), one step down it (D-FGSM), and many steps up, each projected (PGD); here ε is 0.2.
#
# $$
# \begin{gathered} g = \nabla_x L(f(x), y), \\ x_{\mathrm{up}} = \mathrm{clip}_{[0,1]}(x + \varepsilon\, \mathrm{sign}(g)), \\ x_{\mathrm{down}} = \mathrm{clip}_{[0,1]}(x - \varepsilon\, \mathrm{sign}(g)) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the loss gradient at it, and the digit one step up the loss, one step down it, and after projected gradient ascent, with the class that the network sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.attacks import pgd
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image()
g = input_gradient(model, x, y)
x_up, x_down = ((x + step * g.sign()).clamp(0, 1) for step in (0.2, -0.2))
x_pgd = pgd(model, x, y, eps=0.2)
figures.side_by_side(model, y, x=x, g=g, x_up=x_up, x_down=x_down, x_pgd=x_pgd)

# %% [markdown]
# ## Accuracy
#
# *FGM* is the gradient itself times eps; *FGM-linf* and *FGM-l2* are as long as the step with the sign, in l∞ or in l2, before clipping to [0, 1]. *UAP* is one perturbation for all images, made from training images in the same ball. *All of them* counts the images that stand under every attack inside the ball: an upper bound, since PGD has one random start. To the left of *no step*, the step with the sign goes down the loss, of the true class or of the predicted one.

# %% mystnb={"image": {"alt": "A map of accuracies: one row a network and its defence, one column an attack, from no step to all attacks together, with the two steps downhill on the left."}} tags=["hide-input"]
figures.synthesis.attacks(run)

# %% tags=["hide-input"]
tables.synthesis.attacks(run)

# %% [markdown]
# ## What each comparison says
#
# Every column is the difference of two attacks on one network; the second line of its head names them, the first says what it measures. *The nearest class* is what looking for it adds to the loss of the true one. *More steps* is what 50 steps add to one.

# %% tags=["hide-input"]
tables.synthesis.questions(run)

# %% tags=["hide-input", "hide-output"]
tables.own(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the papers
#
# 1. Every network is trained as in its own chapter and at the profile of this page: `convex` shows its MNIST networks on the paper's schedule, which is the same at `quick`; `sign` shows AlexNet, and some of its ResNets, on the paper's schedule, where `quick` has a shorter one.
# 2. All attacks keep images in [0, 1], in the units of the image. `convex` counts eps in fractions of the range of the prepared images, and `smooth` whitens colour images. Neither is done here; of `smooth` only the MNIST network is here. Those chapters also let images leave [0, 1], though most pixels of a digit lie on the edge of that box.
# 3. The step without the sign at equal l2 length is longer in l∞ than eps, and the length of FGM is that of the gradient times eps; neither is among *all of them*.
# 4. Only networks whose chapter defends them are defended: the updates of `smooth` in the reading that hardens (its own gradient of each image, accumulated), the defences of `selfgrad`.
# 5. The step downhill is taken on all images, where Tables 3 and 4 of `sign` step only the wrong ones.
# 6. The recorded CIFAR-10 results come from an archive that holds the images in another order than torchvision's files.
# 7. One seed. The universal perturbation is made from the first 200 training images in batches of ten and five passes.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run synthesis/attacks --profile quick \
#     -p datasets='["cifar10"]' -p models='["wrn10_2"]' -p eps=4/255
# ```
#
# The page goes to `build/runs/synthesis/attacks-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/synthesis/attacks/` for trials that the study declares, `build/results/<profile>/synthesis/attacks/` with any other parameters. Code: `attacks` in `lib/inputgrad/trials/synthesis.py`.
# ````
