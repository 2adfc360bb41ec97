# %% [markdown]
# # Does the self gradient converge?
#
# This page re-runs Figure 2 and checks Theorem 1 of {cite:t}`aboutalebi2020selfgradient`.
#
# **The claim.** The self gradient is taken again at the corrected image, again and again, and changes less and less. The theorem says that it must, for every function and every eps below 1.

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
iterations = 10  # how often the self gradient is taken again
block_input = "raw"  # how the block is given the gradient: raw, max1 (largest value 1) or sign
block_scale = 1.0  # factor on the block's output, at least 0
detach_train = False  # in training, treat the self gradient as a constant

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "selfgrad/convergence",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps,
    iterations=iterations, block_input=block_input, block_scale=block_scale,
    detach_train=detach_train,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The self gradient taken again at the corrected image. As drawn, the block adds so little that a plain step of ε = 8/255 is shown beside it.
#
# $$
# \begin{gathered} g_{n+1} = g\bigl(x + c\,B(g_n)\bigr), \\ h_{n+1} = g(x + \varepsilon\, h_n), \\ g(x) = \nabla_x \textstyle\sum_i f_i(x) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right; the block is as it is drawn, before any training: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the self gradient after ten iterations with the block and its last change, and the same for a plain step, each with its largest value"}} tags=["method", "remove-stderr"]
from inputgrad.trials.example import one_image, reading_itself

x, y, model = one_image()
F = reading_itself(model)
g = h = F.gradient(x)
for _ in range(10):
    g_before, g = g, F.gradient(x + F.block_of(g))
    h_before, h = h, F.gradient(x + 8 / 255 * h)
figures.side_by_side(
    model, y, x=x, g=g, g_change=g - g_before, h=h, h_change=h - h_before
)

# %% [markdown]
# ## Iterating the gradient of a trained network (Figure 2)
#
# The network with ReLU is linear on each piece of the input space, and its gradient constant there. Once the next iterate of an image lies in the same piece, the change is zero from then on. An image whose iterates go round between pieces never gets there. With softplus in the place of ReLU, on the same weights, the gradient moves.

# %% mystnb={"image": {"alt": "Left: the change of the self gradient over iterations for ReLU and softplus, with the block and with a plain step. Right: the change of the iterates of x squared over two for several eps, some growing without bound"}} tags=["hide-input"]
figures.selfgrad.convergence(run)

# %% tags=["hide-input"]
tables.selfgrad.convergence(run)

# %% [markdown]
# ## The theorem on f(x) = x²/2
#
# The iterates are fⁿ(x) = f(x + ε∇fⁿ⁻¹(x)). On a x²/2 the slope obeys cₙ = a(1 + εcₙ₋₁)², which has a fixed point only up to aε = 1/4. The proof drops the remainders of Taylor's expansion and the growth of the derivatives. What does suffice is a contraction: ε times the Lipschitz constants involved below 1. On a ReLU network the theorem is empty: inside one linear piece fⁿ = f¹ for all n, and across pieces it does not apply.

# %% tags=["hide-input"]
tables.selfgrad.theorem()

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. Network and training are those of [the page of Tables 2 to 5](defences.ipynb).
# 2. The paper does not say how successive gradients are formed: here g(k) is taken at x + c B(g(k−1)), and beside it at x + ε g(k−1).
# 3. Softplus (sharpness 10) replaces ReLU without training again.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run selfgrad/convergence --profile quick -p iterations=20
# ```
#
# The page goes to `build/runs/selfgrad/convergence-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/selfgrad/convergence/` for trials that the study declares, `build/results/<profile>/selfgrad/convergence/` with any other parameters. Code: `convergence` in `lib/inputgrad/trials/selfgrad.py`, the closed form in `lib/inputgrad/compute/methods/theorem.py`.
# ````
