"""What keeps one run of each exhibit within seconds, and every part of it in."""

from functools import partial

RECIPE = {"epochs": 2, "images": 300}


def parameters(exhibit):
    """What an exhibit is asked for in a test, where the test asks for nothing else."""
    paper, name = exhibit.split("/")
    return {"datasets": ["digits28"], "recipe": RECIPE, "device": "cpu", **OF[paper], **OWN.get(exhibit, {})}


OF = {
    "sign": {"models": ["alexnet"], "images": 30},
    "convex": {"models": ["fcnn", "lenet5"], "images": 16},
    "smooth": {"models": ["smooth_cnn"], "images": 20},
    "selfgrad": {"models": ["wrn10_2"], "images": 4, "recipe": {"epochs": 1, "images": 64, "width": 0.125}},
    "butterfly": {"datasets": ["digits32"], "models": ["resnet18_imagenet"], "images": 12,
                  "recipe": {"epochs": 1, "images": 100, "width": 0.125}, "pretraining": {"epochs": 1, "images": 200},
                  "game": {"epochs": 2, "images": 50, "lr": 0.01}},
    "synthesis": {"datasets": None, "images": 8, "steps": 2, "uap_images": 5,
                  "recipe": {"epochs": 1, "images": 100, "width": 0.25}},
}  # fmt: skip
"""By paper."""

OWN = {
    "sign/adversarial": {"pgd_images": 4},
    "convex/framework": {"models": ["linear", "lenet5"]},
    "convex/examples": {"models": ["lenet5"]},
    "convex/recipes": {"models": ["fcnn"]},
    "convex/regression": {"models": ["regressor", "segmenter"]},
    "selfgrad/defences": {"steps": [2, 5]},
    "selfgrad/active": {"queries": 20, "targets": 1, "samples": 1, "amplitudes": ["8/255"]},
    "selfgrad/schedule": {"longer": 2},
    "selfgrad/bilateral": {"steps": [2, 20], "queries": 20, "targets": 1},
    "selfgrad/audit": {"queries": 20, "restarts": 1, "samples": 2, "defences": ["Standard", "Self gradient"]},
    "butterfly/attacking": {"uap_images": 5, "passes": 1},
}
"""By exhibit, in place of its paper's or beside it."""


def turned_down(patch):
    """Numbers of steps, targets and watched images that no parameter says."""
    from inputgrad.compute.methods import defences
    from inputgrad.compute.methods.probe import probe
    from inputgrad.trials import audit, butterfly

    patch.setattr(audit, "LONG", 10)
    patch.setitem(audit.TARGETS, "smoke", 1)
    patch.setattr(butterfly, "probe", partial(probe, steps=10))
    patch.setattr(defences, "WATCHED", 16)
