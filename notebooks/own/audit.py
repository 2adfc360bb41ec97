# %% [markdown]
# # A network of your own under every attack
#
# Name a network and a data set, and this page says what stands under the attacks of the audit in one l∞ ball, whether the gradient they follow can be believed, and one verdict to quote. Where no network is named, it audits LeNet-5 on scikit-learn's digits, trained for a few seconds: an illustration, no result.
#
# **What a network has to be.** It takes x in [0, 1], `(B, C, H, W)`, normalises it inside, and gives logits; that is checked on eight images of the test set before anything else. It is never trained here, and no result of the study is compared with it. The numbers of this page stay in it and in `build/results`.

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
    "own/audit",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps,
    restarts=restarts, samples=samples, queries=queries, autoattack=autoattack,
    radii=radii, libraries=libraries, gradients=gradients,
)
print(run.summary())

# %% [markdown]
# ## The verdict
#
# The caption is the sentence to quote. The worst case counts an image as right only if no attack fooled it; its interval is Wilson's, over the images.

# %% tags=["hide-input"]
tables.audit.verdict(run)

# %% [markdown]
# ## The checklist
#
# These are signs of a masked gradient (Athalye et al. 2018; Carlini et al. 2019): of a network that attacks cannot follow, and that may fall to others. Each is answered from the measurements below.

# %% tags=["hide-input"]
tables.audit.checklist(run)

# %% [markdown]
# ## Every attack
#
# An image counts as right under an attack only if it was right before. *PGD* and *CW* follow the cross-entropy and the margin, and count any iterate; *smoothed* follows logits averaged over normal noise of standard deviation eps/2; *Square* needs the logits alone; *APGD, then targeted* is AutoAttack's pair of gradient attacks, which is left out where there are two or three classes.

# %% mystnb={"image": {"alt": "Accuracy of the network under each attack of the audit, one row an attack, with 95 percent intervals, the worst case last"}} tags=["hide-input"]
figures.audit.attacks(run)

# %% tags=["hide-input"]
tables.audit.attacks(run)

# %% [markdown]
# ## At equal budget, beside other libraries
#
# Where `libraries` names some, their attacks and ours have the same number of gradients an image. A wrapper around the network counts what each asks, as AttackBench does. A point counts if it lies in the ball and was asked within the budget, whatever the attack returns.

# %% tags=["hide-input"]
tables.audit.budget(run)

# %% [markdown]
# ## Over the radius

# %% mystnb={"image": {"alt": "Accuracy of the network under PGD-20 over eps from 1/255 to 64/255 on a logarithmic axis, with 95 percent bands"}} tags=["hide-input"]
figures.audit.radii(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad audit FILE.py:FUNCTION --data mnist --eps 0.1 \
#     --weights FILE.pt --images 500
# ```
#
# Results: `build/results/<profile>/own/audit/`. Code: `lib/inputgrad/trials/own.py` and `audit.py`; Square and APGD from the attacks' authors' library.
# ````
