"""The motifs that a model's networks have learned, as a file of motifs and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from scxpresso.genome.feature_store import Features
from scxpresso.motifs.comparison import KnownMatch, best_known
from scxpresso.motifs.matrices import SITES, Motif
from scxpresso.networks.learned_motifs import MotifGroup, group_motifs, joined_probabilities, motif_parts
from scxpresso.networks.model import Model
from scxpresso.networks.motif_part import MotifPart

IS_MATCH = 0.5  # of a match, which is from 0 to 1
MOTIF = ["motif", "consensus", "networks", "total_networks", "region_start", "region_end", "genes_matched"]
KNOWN = ["known_motif", "known_motif_name", "known_p_value", "known_q_value"]
LEARNED_COLUMNS = [*MOTIF, "population", "weight", "weight_sd", *KNOWN]


@dataclass(frozen=True)
class Learned:
    """The motifs of all networks of a model, one after the other.

    probabilities: motifs × LENGTH × A, C, G, T. weights: motifs × populations, log10 expression of a full match. regions: of
    each motif, the first and the last base in which it is sought, relative to the TSS. network: number of each one's network.
    matched: motifs × genes, whether a gene that was held out from the network has a match. networks: their number.
    """

    probabilities: np.ndarray
    weights: np.ndarray
    regions: np.ndarray
    network: np.ndarray
    matched: np.ndarray
    networks: int


def read_learned(model: Model, features: Features) -> Learned:
    """Collect the motifs of a model's networks, and their matches in the genes that the model was evaluated on.

    Another genome than the model's may lack some of these genes.
    """
    model.check_window(features.upstream, features.downstream)
    genes = sorted(set(model.gene_pearson).intersection(features.gene_id))
    fold_of_gene = np.array([model.fold_of(gene) or 0 for gene in genes], dtype=int)
    rows = features.rows(genes)
    parts: list[MotifPart] = []
    weights, network, matched, networks = [np.empty((0, len(model.populations)))], [], [], 0
    for fold in model.folds:
        held_out = fold_of_gene == fold
        codes = torch.from_numpy(features.codes[rows[held_out]])
        for one in model.networks(fold):
            for part, own_weights in motif_parts(one):
                parts.append(part)
                weights.append(own_weights)
                network += [networks] * len(own_weights)
                found = np.zeros((len(own_weights), len(genes)), dtype=bool)
                found[:, held_out] = _matched(part, codes)
                matched.append(found)
            networks += 1
    regions = [part.regions.numpy() - [0, 1] for part in parts]
    return Learned(
        joined_probabilities(parts),
        np.concatenate(weights),
        np.concatenate([np.empty((0, 2), dtype=int), *regions]),
        np.array(network, dtype=int),
        np.concatenate([np.empty((0, len(genes)), dtype=bool), *matched]),
        networks,
    )


@torch.no_grad()
def _matched(part: MotifPart, codes: Tensor) -> np.ndarray:
    """Whether genes have a match: motifs × genes."""
    if not len(part.offsets) or not len(codes):
        return np.zeros((len(part.offsets), len(codes)), dtype=bool)
    return (part.matches(codes).numpy() >= IS_MATCH).T


def learned_motifs(
    learned: Learned, populations: Sequence[str], background: np.ndarray, known: Sequence[Motif] = ()
) -> tuple[list[Motif], pd.DataFrame]:
    """Merge motifs that are the same.

    Those that most networks have learned come first, then those of the largest weights.

    Parameters
    ----------
    background: probabilities of A, C, G, T.
    known: motifs to compare them with.

    Returns
    -------
    The motifs, and LEARNED_COLUMNS, one row per motif and population.
    """
    merged = [_Merged.of(group, learned) for group in group_motifs(learned.probabilities)]
    merged.sort(key=lambda one: (-one.networks, -np.abs(one.weights.mean(axis=0)).max(), one.group.consensus))
    motifs = [one.motif(f"motif_{number}", background) for number, one in enumerate(merged, start=1)]
    matches: Sequence[KnownMatch | None] = [None] * len(merged)
    if known:
        matches = best_known([one.group.probabilities for one in merged], known)
    tables = [
        one.table(motif.motif, populations, learned.networks, match)
        for one, motif, match in zip(merged, motifs, matches, strict=True)
    ]
    return motifs, pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=LEARNED_COLUMNS)


@dataclass(frozen=True)
class _Merged:
    """Motifs that are one. weights: those of its networks that have it × populations. region: first and last base."""

    group: MotifGroup
    weights: np.ndarray
    region: np.ndarray
    genes: int

    @classmethod
    def of(cls, group: MotifGroup, learned: Learned) -> "_Merged":
        """Merge a group: what several motifs of one network add to expression adds up."""
        networks, place = np.unique(learned.network[group.members], return_inverse=True)
        weights = np.zeros((len(networks), learned.weights.shape[1]))
        np.add.at(weights, place, learned.weights[group.members])
        region = np.median(learned.regions[group.members], axis=0)
        return cls(group, weights, np.rint(region).astype(int), int(learned.matched[group.members].any(axis=0).sum()))

    @property
    def networks(self) -> int:
        """Number of networks that have it."""
        return len(self.weights)

    def motif(self, name: str, background: np.ndarray) -> Motif:
        """Make it a motif whose scores against the background are those of its matrix."""
        odds = self.group.probabilities * background
        return Motif(name, self.group.consensus, odds / odds.sum(axis=1, keepdims=True) * (self.genes or SITES))

    def table(self, name: str, populations: Sequence[str], total: int, match: KnownMatch | None) -> pd.DataFrame:
        """Make LEARNED_COLUMNS, one row per population."""
        known = (
            (match.known.motif, match.known.name, match.p_value, match.q_value) if match else ("", "", np.nan, np.nan)
        )
        table = pd.DataFrame(
            {
                "population": list(populations),
                "weight": self.weights.mean(axis=0),
                "weight_sd": self.weights.std(axis=0),
            }
        )
        shared = (name, self.group.consensus, self.networks, total, *self.region.tolist(), self.genes, *known)
        return table.assign(**dict(zip([*MOTIF, *KNOWN], shared, strict=True)))[LEARNED_COLUMNS]
