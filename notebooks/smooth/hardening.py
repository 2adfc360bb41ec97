# %% [markdown]
# # Accuracy with and without the updates
#
# This page re-runs Tables 4 and 5 of {cite:t}`mosca2018smooth`, its Figures 1 and 2, and its two Wilcoxon tests.
#
# **The claim.** Each training image moves up its own loss gradient by a small share λ of it, epoch after epoch (the Smooth Gradient Method). The network trained on the drifting images is as accurate as before on clean images and more accurate on FGSM sets.
# The claim would be refuted by a clean accuracy that falls, or by FGSM accuracies that do not rise.

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
eps = ["0.001", "0.01", "0.1", "0.2"]  # list of eps of FGSM in units of the network's input, as text
attack_mode = ["train", "eval"]  # mode of the network whose gradient is taken, each a reading: train, eval
source = ["self", "control"]  # whose gradient makes the adversarial set, each a reading: self, control
stronger_eps = ["0.1", "0.2"]  # list of eps of random signs, PGD-20 and PGD with restarts in units of the network's input, as text

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "smooth/hardening",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, rate=rate,
    reduction=reduction, mode=mode, beyond=beyond, eps=eps,
    attack_mode=attack_mode, source=source, stronger_eps=stronger_eps,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# A stored image moves up its own gradient, epoch after epoch; here λ is 0.2, and nine epochs are nine moves. In the study the weights go down their gradient in between; in this example they stay.
#
# $$
# x_{t+1} = x_t + \bar\lambda\, \nabla_x L(f(x_t), y)
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the loss gradient at it, the sum of nine moves along the gradient, and the digit after them, with the class that the network sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image(right=False)
x_t = x
for _ in range(9):
    x_t = x_t + 0.2 * input_gradient(model, x_t, y)
g = input_gradient(model, x, y)
figures.side_by_side(model, y, x=x, g=g, drift=x_t - x, x_9=x_t)

# %% [markdown]
# ## Beside the paper
#
# The two networks of a run, *control* and *updates*, start from the same weights and see the same batches and the same draws of dropout and augmentation. The paper does not say how it takes FGSM's gradient. By default this study takes it with the network in *training* mode, with dropout on and the statistics of a test batch of 128; the next table has evaluation mode, too.

# %% tags=["hide-input"]
tables.smooth.accuracy(run)

# %% [markdown]
# ## In every reading of the attack
#
# `attack_mode=eval` takes the gradient from the network as it will be used; `source=control` attacks both networks with the control's adversarial set. PGD-20, random signs of the same size and PGD with restarts are ours. The restarts attack what PGD-20 leaves standing: three random starts of 50 steps, each with cross-entropy and with the margin as the loss.

# %% tags=["hide-input"]
tables.smooth.gains(run)

# %% [markdown]
# ## The two tests
#
# Wilcoxon's signed-rank test is recomputed from the paper's own tables and from ours.

# %% tags=["hide-input"]
tables.smooth.tests(run)

# %% [markdown]
# ## Over epochs (Figures 1 and 2)

# %% mystnb={"image": {"alt": "Misclassified validation images over epochs on a logarithmic scale for each network, control and updates, one line a run; of three runs or more the median with their range"}} tags=["hide-input"]
figures.smooth.errors(run)

# %% [markdown]
# ## What it costs, and how large the attack is
#
# The updated set is a second copy of the training images; its gradient comes from the pass that trains the weights. On whitened images eps is not in units of pixels, so the last columns undo the whitening.

# %% tags=["hide-input"]
tables.smooth.costs(run)

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
# 1. The update uses each image's own gradient (`reduction=sum`), as the formula has it; the mean over a batch of 128 moves images 128 times less. It accumulates on a stored copy of the training set (`mode`), un-augmented, with the gradient pulled back through the augmentation.
# 2. FGSM's gradient is taken in training mode by default (`attack_mode`) and made per model (`source`): the paper does not say, and the authors' published script puts the network into training mode. Each batch of about 128 test images then has its own statistics.
# 3. Augmentation works on the prepared image, whitened or not, and fills with 0. Images are not clipped, neither the stored ones nor the attacked. CIFAR images are standardised one by one and ZCA-whitened (0.1 added to the spectrum) with the training images' statistics, and eps is in that space.
# 4. The strides and poolings of Table 3 as printed shrink a 32x32 image to nothing. The CIFAR network is read as three 3x3 layers of 96, the last with stride 2, three of 192 likewise, then 192 3x3, 192 1x1, and one output a class; `smooth_cnn_pool` is the other reading.
# 5. WAME follows the authors' published code, with the previous *gradient* where the code keeps the previous weights by a slip. Weight decay is 1e-4 on every parameter (theirs: an L2 penalty on the kernels); the learning-rate decay of 1e-5 for CIFAR is left out.
# 6. One draw of elastic distortion, or of rotation and zoom, is shared by eight images of a batch.
# 7. A table of the [chapter](../../book/papers/smooth.md) says what `quick` and `paper` train (width, images, epochs, runs); `recipe` changes it. Of two runs both numbers are shown, of more the median.
# 8. The interval of a median over three runs or more is from the smallest to the largest. Figures 1 and 2 count validation images; the weights of the best epoch on them are kept, as in the authors' code.
# 9. The recorded CIFAR results come from archives that hold the images in another order than torchvision's files.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run smooth/hardening --profile quick \
#     -p datasets='["mnist"]' -p models='["smooth_cnn"]' -p rate=0.5
# ```
#
# The page goes to `build/runs/smooth/hardening-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/smooth/hardening/` for trials that the study declares, `build/results/<profile>/smooth/hardening/` with any other parameters. Code: `hardening` in `lib/inputgrad/trials/smooth.py`, the training loop in `lib/inputgrad/compute/methods/hardening.py`.
# ````
