"""The networks by their names in `--network`: the only place that says what each network is.

Entries name code by references, `scxpresso.<part>.<module>:<object>`, which are imported when they are used. The checks of
a run's input can therefore read this table without PyTorch. functions/scripts.nf counts a reference as code of an
executable that imports something from the same part: after an edit to a trainer, training runs again, but prediction does
not. docs/extending.md shows how to add a network.
"""

from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any

INPUTS = ["both", "sequence", "half_life"]
FEATURES = ["half_life", "extended", "xpresso"]  # sets of annotation features that a recipe may choose
TASKS = ["multi", "single"]  # one network for all populations, or one per population (single_task.py)
# Options of train_fold.py that only some networks use, and those that all use.
TRAINING_OPTIONS = ("epochs", "batch_size", "learning_rate")
SHARED_OPTIONS = ("inputs", "tasks", "replicates", "validation_genes", "seed", "engine")


@dataclass(frozen=True)
class NetworkEntry:
    """What a network is.

    Parameters
    ----------
    name: in `--network`, in weight files and in model.json.
    network: makes an untrained network from the number of populations, the bases upstream and downstream of the TSS, the
        inputs (one of INPUTS) and the number of annotation features. The network is an ExpressionNetwork
        (network.py).
    min_window: bases that a window needs.
    bases_read: returns the first base that is read and the one after the last, relative to the TSS, given the bases
        upstream and downstream. Without it, the whole window is read.
    phase: bases after which pooling bins repeat; 1 if the network treats all positions alike.
    annotation: sets of annotation features that it reads, of `half_life`, `extended`, `transcript` and `gene_features` (those
        of the user), if features.h5 has them.
    promoter_ablation: whether a run without a sheet of recipes also trains it on the promoter alone, to say what that knows.
    options: options of train_fold.py that its training uses besides SHARED_OPTIONS.
    trainer: makes a Training (training/train.py).
    fitted_on_cpu: whether it is trained on the CPU, whatever the device; the log says so.
    plain_form, cpu_form, gpu_form: forms of genes (forms.py): for PyTorch on any device; a faster one on a CPU; for several
        networks that train together, on a GPU. None: the plain one.
    cpu_saturation, gpu_saturation: compute the effects of all substitutions without predicting every mutant: on a CPU, and
        with PyTorch on any device. None: the other one; if both are None, every mutant is predicted.
    motifs: whether it learns motifs that can be named: its attribute `motifs` is then a MotifPart (motif_part.py).
    """

    name: str
    network: str
    min_window: int = 1
    bases_read: str | None = None
    phase: int = 1
    annotation: tuple[str, ...] = ("half_life",)
    promoter_ablation: bool = False
    options: tuple[str, ...] = TRAINING_OPTIONS
    trainer: str = "scxpresso.training.published:plateau_training"
    fitted_on_cpu: bool = False
    plain_form: str = "scxpresso.networks.forms:CodeInputs"
    cpu_form: str | None = None
    gpu_form: str | None = None
    cpu_saturation: str | None = None
    gpu_saturation: str | None = None
    motifs: bool = False


_ENTRIES = [
    NetworkEntry(
        name="scxpresso",
        network="scxpresso.networks.published:ScXpresso.build",
        min_window=299,
        bases_read="scxpresso.networks.published:ScXpresso.bases_read",
        phase=300,
        cpu_form="scxpresso.networks.published_cpu:KmerInputs",
        gpu_form="scxpresso.networks.published_gpu:StackInputs",
        cpu_saturation="scxpresso.saturation.published_cpu:PublishedEffectsCPU",
        gpu_saturation="scxpresso.saturation.published_gpu:PublishedEffects",
    ),
    NetworkEntry(
        name="hybrid",
        network="scxpresso.networks.hybrid:Hybrid.build",
        bases_read="scxpresso.networks.hybrid:Hybrid.bases_read",
        annotation=("half_life", "extended", "gene_features"),
        options=(),
        trainer="scxpresso.training.hybrid:HybridTraining",
        plain_form="scxpresso.networks.hybrid:HybridGeneInputs",
        cpu_saturation="scxpresso.saturation.hybrid:HybridEffects",
        gpu_saturation="scxpresso.saturation.hybrid_gpu:HybridEffectsGPU",
    ),
    NetworkEntry(
        name="grammar",
        network="scxpresso.networks.grammar:Grammar.build",
        bases_read="scxpresso.networks.grammar:Grammar.bases_read",
        annotation=("half_life", "extended", "transcript", "gene_features"),
        promoter_ablation=True,
        options=(),
        trainer="scxpresso.training.grammar:GrammarTraining",
        fitted_on_cpu=True,
        plain_form="scxpresso.networks.grammar:GrammarGeneInputs",
        cpu_saturation="scxpresso.saturation.grammar:GrammarEffects",
        motifs=True,
    ),
]
NETWORKS = {entry.name: entry for entry in _ENTRIES}


def resolve(reference: str) -> Any:
    """Import the object that a reference of an entry names."""
    module, _, name = reference.partition(":")
    return attrgetter(name)(import_module(module))


def training_options(network: str) -> tuple[str, ...]:
    """List the options of train_fold.py that a network uses; a change of others does not require new training."""
    entry = NETWORKS[network]
    return SHARED_OPTIONS + entry.options + (() if entry.annotation == ("half_life",) else ("annotation_features",))


def bases_read(network: str, inputs: str, upstream: int, downstream: int) -> tuple[int, int]:
    """Return the first base of a window that a network reads, and the one after the last, relative to the TSS.

    Both are 0 if no sequence is read.
    """
    if inputs == "half_life":
        return 0, 0
    reference = NETWORKS[network].bases_read
    return resolve(reference)(upstream, downstream) if reference else (-upstream, downstream)
