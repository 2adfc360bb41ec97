# %% [markdown]
# # The pictures
#
# This page redraws Figures 3 to 6 of {cite:t}`mosca2018smooth`: images attacked with the control's gradient that only the hardened network gets right, and how training images drift.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
rate = 0.2  # lambda-bar, how far an image moves along its gradient; the paper allows [-1, 1]
reduction = "sum"  # of the loss the images follow: sum (each its own) or mean over the batch
mode = "accumulate"  # what becomes of the moves: accumulate, reset, fresh, discard, noise
beyond = False  # allow rates outside [-1, 1]
eps = "0.1"  # eps of FGSM in units of the network's input, as text
columns = 6  # how many images are shown in a row, at most 16

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "smooth/pictures",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, rate=rate,
    reduction=reduction, mode=mode, beyond=beyond, eps=eps, columns=columns,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The pictures show the drift of a stored image after one, three and nine moves up its own gradient, with λ = 0.2. In the study the weights go down their gradient in between; in this example they stay.
#
# $$
# x_{t+1} = x_t + \bar\lambda\, \nabla_x L(f(x_t), y)
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, how far it has drifted after one, three and nine moves along its gradient, and the digit after nine, with the class that the network sees"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image(right=False)
path = [x]
for _ in range(9):
    path.append(path[-1] + 0.2 * input_gradient(model, path[-1], y))
drifts = {f"drift_{t}": path[t] - x for t in (1, 3, 9)}
figures.side_by_side(model, y, x=x, **drifts, x_9=path[9])

# %% [markdown]
# ## Rescued (Figures 3 and 4)
#
# These are the first images of the control's FGSM set that the control gets wrong and the hardened network right. The perturbation alone is below. Colour images are mapped back from the whitened space, each stretched to its own range.

# %% mystnb={"image": {"alt": "Rows of clean images, the same images attacked with the class the control gives them, and the perturbation alone, for MNIST and CIFAR-10"}} tags=["hide-input"]
figures.smooth.rescued(run)

# %% [markdown]
# ## Drift (Figures 5 and 6)
#
# The pictures show how far the first training images have moved after each of the first nine epochs, each scaled by its own largest value. Titles give the epoch and the l2 length.

# %% mystnb={"image": {"alt": "The accumulated update of training images after each of the first nine epochs, two images a data set, with its length"}} tags=["hide-input"]
figures.smooth.drift(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper's images are not named: these are the first ones.
# 2. Perturbations and drifts of whitened images are shown mapped back to standardised pixels, each scaled by its own largest value; lengths are in the network's input space. The drift is the sum of all updates so far.
# 3. One run. The gradient of the attack is taken in evaluation mode here, so that the pictures show what would fool the network in use.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run smooth/pictures --profile quick \
#     -p datasets='["mnist"]' -p columns=8
# ```
#
# The page goes to `build/runs/smooth/pictures-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/smooth/pictures/` for trials that the study declares, `build/results/<profile>/smooth/pictures/` with any other parameters. Code: `pictures` in `lib/inputgrad/trials/smooth.py`.
# ````
