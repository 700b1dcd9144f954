"""The published recipe: MSE, Adam, a plateau schedule, the best validation epoch, replicates (paper 2.2)."""

import ctypes
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import nn

from scxpresso.annotation import log_half_life
from scxpresso.features import mean_and_sd
from scxpresso.network import NETWORKS
from scxpresso.prediction import Genes
from scxpresso.problems import InputError, Problem
from scxpresso.store import HISTORY_COLUMNS, Features

COLLAPSED_VARIANCE = 1e-5  # of z-scaled predictions over genes; the published code's threshold
ATTEMPTS = 4  # of a replicate: the first, and three more when it collapsed


@dataclass(frozen=True)
class Recipe:
    """How to train. Learning rate and dropout have no unit; the plateau is counted in epochs."""

    network: str = "scxpresso"
    inputs: str = "both"
    replicates: int = 5
    epochs: int = 40
    batch_size: int = 128
    learning_rate: float = 5e-4
    plateau_factor: float = 0.1
    plateau_patience: int = 5
    validation_genes: int = 1000
    seed: int = 1


@dataclass
class FoldData:
    """Genes of a fold as arrays: codes (genes × window), log half-life (genes × 5), expression (genes × populations)."""

    codes: np.ndarray
    half_life: np.ndarray
    expression: np.ndarray
    train: np.ndarray
    validation: np.ndarray


@dataclass
class TrainedFold:
    """networks: one a replicate. history: HISTORY_COLUMNS, an epoch a row. collapsed: replicates still constant."""

    networks: list[nn.Module] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)
    collapsed: list[int] = field(default_factory=list)

    @property
    def history_table(self) -> pd.DataFrame:
        return pd.DataFrame(self.history, columns=HISTORY_COLUMNS)


def tune_cpu() -> None:
    """Two things that slow training on CPU several times, and change no result that matters."""
    # Moments of weights without gradient decay into numbers below 1e-38, on which arithmetic takes a hundred times longer.
    torch.set_flush_denormal(True)
    # glibc gives large blocks back to the system at every step, and fetches them again at the next.
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(-4, 0)  # M_MMAP_MAX: large blocks come from the heap too
            libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: and stay there


def fold_data(features: Features, expression: pd.DataFrame, folds: pd.Series, fold: int, recipe: Recipe) -> FoldData:
    """Arrays of the genes that have expression, and who trains and who validates.

    The validation genes, 1,000 or a tenth of the training genes where those are fewer than 10,000, come first in an order
    of all the genome's genes, so that models of two atlases validate on the same genes. Raises InputError for a fold
    without genes on either side.
    """
    genes = expression.index
    rows = features.rows(genes)
    shuffled = np.random.default_rng([recipe.seed, fold]).permutation(np.sort(folds.index.to_numpy(dtype=str)))
    rank = pd.Series(np.arange(len(shuffled)), index=shuffled)
    rest = np.flatnonzero(folds.reindex(genes).to_numpy() != fold)
    if len(rest) < 20 or len(rest) == len(genes):
        raise InputError(
            Problem(
                f"fold {fold}",
                f"{len(rest)} genes to train on and {len(genes) - len(rest)} held out",
                "at least 20 genes to train on and one held out",
                "use fewer folds, or check that atlas and annotation are of the same genome",
            )
        )
    rest = rest[np.argsort(rank.reindex(genes[rest]).to_numpy(), kind="stable")]
    validating = min(recipe.validation_genes, len(rest) // 10)
    return FoldData(
        codes=features.codes[rows],
        half_life=log_half_life(features.half_life[rows]).astype(np.float32),
        expression=expression.to_numpy(dtype=np.float64),
        train=np.sort(rest[validating:]),
        validation=np.sort(rest[:validating]),
    )


def train_fold(
    data: FoldData,
    recipe: Recipe,
    fold: int,
    device: torch.device,
    engine: str = "auto",
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> TrainedFold:
    """All replicates of a fold. A replicate that collapsed to a constant is trained again with the next seed."""
    tune_cpu()
    genes = Genes(recipe.network, recipe.inputs, data.codes, data.half_life, device, engine)
    trained = TrainedFold()
    for replicate in range(1, recipe.replicates + 1):
        for attempt in range(1, ATTEMPTS + 1):
            seed = int(np.random.SeedSequence([recipe.seed, fold, replicate, attempt]).generate_state(1)[0])
            about = {"fold": fold, "replicate": replicate, "attempt": attempt, "seed": seed}
            network, rows, collapsed = train_replicate(data, genes, recipe, seed, about, on_epoch)
            trained.history += [row | {"collapsed": int(collapsed)} for row in rows]
            if not collapsed:
                break
        else:
            trained.collapsed.append(replicate)
        trained.networks.append(network)
    return trained


def train_replicate(
    data: FoldData, genes: Genes, recipe: Recipe, seed: int, about: dict, on_epoch: Callable[[dict], None]
) -> tuple[nn.Module, list[dict], bool]:
    """One network: its weights of the best validation epoch, a history row an epoch, and whether it is constant.

    The training loss of a row is the mean over the epoch's batches, while the weights moved.
    """
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    shuffle = torch.Generator().manual_seed(seed)

    network = NETWORKS[recipe.network](data.expression.shape[1], data.codes.shape[1], recipe.inputs)
    network.half_life.fit(*mean_and_sd(data.half_life[data.train]))
    network.expression.fit(*mean_and_sd(data.expression[data.train]))
    network = network.to(genes.device)
    target = network.expression.apply_to(torch.from_numpy(data.expression).float().to(genes.device))
    train, validation = torch.from_numpy(data.train), torch.from_numpy(data.validation)

    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=recipe.plateau_factor, patience=recipe.plateau_patience
    )
    rows, best_loss, best_epoch, best_weights = [], float("inf"), None, None
    for epoch in range(1, recipe.epochs + 1):
        network.train()
        total = torch.zeros((), device=genes.device)
        for batch in train[torch.randperm(len(train), generator=shuffle)].split(recipe.batch_size):
            optimizer.zero_grad()
            loss = criterion(genes.forward(network, batch), target[batch])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch)
        row = about | {"epoch": epoch, "learning_rate": optimizer.param_groups[0]["lr"]}
        row["train_loss"] = total.item() / len(train)
        row["validation_loss"] = criterion(genes.predict(network, validation), target[validation]).item()
        if row["validation_loss"] < best_loss:
            best_loss, best_epoch = row["validation_loss"], epoch
            best_weights = deepcopy(network.state_dict())
        schedule.step(row["validation_loss"])
        rows.append(row)
        on_epoch(row)

    if best_weights is None:
        raise FloatingPointError(f"the loss is not a number with seed {seed}: is an expression value infinite?")
    network.load_state_dict(best_weights)
    for row in rows:
        row["best"] = int(row["epoch"] == best_epoch)
    variance = genes.predict(network, validation).var(dim=0)
    return network.cpu(), rows, bool(variance.max() < COLLAPSED_VARIANCE)
