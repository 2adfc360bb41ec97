# %% [markdown]
# # What the framework itself implies
#
# This page checks Propositions 1 and 2 of {cite:t}`balda2018convex`, and what softmax scores instead of logits would make of the paper.
#
# **The claim.** An adversarial example is the solution of a linearised programme under a norm bound. It has a closed form (Proposition 2), and it exists exactly when eps exceeds the linearised margin over the dual norm of its gradient (Proposition 1).
#
# On a linear classifier this must hold to the last image; on a network the distance between the dotted line and the curve is what the linearisation leaves out. The paper takes its scores from the softmax ("unit l1 norm"); the second half of the page shows that its own figures exclude this.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
multiples = ["0.5", "0.9", "0.99", "1.01", "1.1", "1.25", "1.5", "2", "3"]  # list of eps in units of each image's smallest feasible eps (Proposition 1)
p = ["1", "1.5", "2", "3", "inf"]  # list of exponents of the ball: 1, 1.5, 2, 3, inf
eps = None  # list of eps at which scores are compared, in fractions of the range; None: the ten of Fig. 2

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "convex/framework",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, multiples=multiples, p=p,
    eps=eps,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The smallest feasible ε of Proposition 1 in the l2 ball, and a step of that length along the optimum of Proposition 2.
#
# $$
# \begin{gathered} r = \min_{l \ne y}\, L_l(x) / \lVert\nabla L_l(x)\rVert_2, \\ \eta = -r\, \nabla L_{l^*} / \lVert\nabla L_{l^*}\rVert_2, \\ L_l = f_y - f_l \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result. The step is lengthened by a tenth.

# %% mystnb={"image": {"alt": "A handwritten digit, the perturbation of the smallest feasible l2 length, and their sum, with the class that the network sees before and after"}} tags=["method", "remove-stderr"]
from inputgrad.compute.attacks.convex import perturbation, smallest_eps
from inputgrad.compute.gradients import margins
from inputgrad.trials.example import one_image

x, y, model = one_image()
m = margins(model, x, y)
r = smallest_eps(m, p=2)
eta = perturbation(m, 1.1 * r, p=2)
figures.side_by_side(model, y, x=x, eta=eta, x_adv=x + eta)

# %% [markdown]
# ## The smallest feasible eps
#
# Each image is moved by a multiple of its own smallest feasible eps, for several exponents of the ball. The column *closed form optimal* counts the images whose perturbation attains the dual bound of the programme to a relative 1e-6.

# %% mystnb={"image": {"alt": "Share of fooled images over eps in units of the smallest feasible eps, one panel a network, one curve a norm: a step at one for the linear classifier, a gentler rise, which begins before one, for the networks"}} tags=["hide-input"]
figures.convex.multiples(run)

# %% tags=["hide-input"]
tables.convex.propositions(run)

# %% [markdown]
# ## Logits or softmax
#
# With softmax scores the gradient of the class's own score is parallel to the gradient of the cross-entropy. Algorithm 2 and FastGrad are then the same attack, but the paper's Fig. 2 shows two different curves. A saturated softmax also has next to no slope, so that its linearised distances explode. This page computes in float64, to keep rounding out of the comparison.

# %% tags=["hide-input"]
tables.convex.scores(run)

# %% [markdown]
# ## With a target
#
# The same programme is solved for one rival, the next class, instead of the nearest one. Algorithm 1-10 takes ten steps with one gradient each.

# %% mystnb={"image": {"alt": "Share of images at the target class over eps, one curve a network with its 95 % band, each rising from zero and named at its end"}} tags=["hide-input"]
figures.convex.targeted(run)

# %% tags=["hide-input", "hide-output"]
tables.convex.targeted(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper states f as a probability vector; logits are the default in every exhibit (`scores` elsewhere), as in the authors' published code.
# 2. p = 1, a limit that the paper leaves out of its formula, is the single value with the largest gradient.
# 3. Beyond the paper: the softmax regression (`linear`), on which the first-order theory is exact, and eps measured in multiples of Proposition 1's.
# 4. The correctly classified images that come first in the test set are attacked (`images`).
# 5. `LeNet-5 (authors)`, at `paper`, is the network that the paper attacked ([how it is fetched](../../book/data.md)). The seed of a run draws only the images that are attacked, as the authors drew theirs: runs of this network differ in nothing else.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run convex/framework --profile quick \
#     -p models='["linear","fcnn"]' -p p='["1","2","inf"]'
# ```
#
# The page goes to `build/runs/convex/framework-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/convex/framework/` for trials that the study declares, `build/results/<profile>/convex/framework/` with any other parameters. Code: `framework` in `lib/inputgrad/trials/convex_framework.py`, the closed form `perturbation` and the smallest eps `smallest_eps` in `lib/inputgrad/compute/attacks/convex.py`.
# ````
