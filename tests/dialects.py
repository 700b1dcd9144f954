"""One set of gene models, written the way of each source of annotations that users have.

`write_genome` writes the FASTA; `DIALECTS[name](models)` gives the text of an annotation. What differs between sources is
structure: which lines there are, how they name transcript and gene, and whether the coding region holds the stop codon.
"""

from dataclasses import dataclass

import numpy as np

LENGTH = 120_000
CONTIGS = ["chr1", "chr2", "chrY", "chrM", "chrC"]


@dataclass(frozen=True)
class Isoform:
    """exons: 1-based, both ends included, from left to right. coding: first and last coding base, with the stop codon."""

    name: str
    exons: tuple[tuple[int, int], ...]
    coding: tuple[int, int] | None


@dataclass(frozen=True)
class Model:
    gene: str
    chrom: str
    strand: str
    isoforms: tuple[Isoform, ...]

    @property
    def span(self):
        spans = [span for isoform in self.isoforms for span in isoform.exons]
        return min(spans)[0], max(end for _, end in spans)


# Exons and coding region from the TSS on (0-based, half-open), on the gene's strand.
SHAPES = {
    "one exon": ([(0, 600)], (100, 400)),
    "introns in both UTRs": ([(0, 100), (200, 500), (700, 900), (1000, 1100)], (250, 850)),
    "no UTR": ([(0, 150), (250, 400)], (0, 400)),
    "a start codon over an intron": ([(0, 52), (152, 601)], (50, 500)),
    "a stop codon over an intron": ([(0, 300), (400, 700)], (60, 401)),
}  # fmt: skip


def _isoform(name, shape, tss, strand):
    exons, (first, last) = SHAPES[shape]
    place = (lambda a, b: (tss + a, tss + b - 1)) if strand == "+" else (lambda a, b: (tss - b + 1, tss - a))
    return Isoform(name, tuple(sorted(place(*exon) for exon in exons)), place(first, last))


def gene_models() -> list[Model]:
    """Genes of every shape on both strands, some with a second isoform; and genes to leave out: Y, organelles, non-coding."""
    models, shapes = [], list(SHAPES)
    for number in range(30):
        chrom, strand = CONTIGS[number % 2], "+-"[number // 2 % 2]
        tss = 4000 + number * 3000
        gene = f"GENE{number:03}"
        isoforms = [_isoform(f"{gene}.t1", shapes[number % len(shapes)], tss, strand)]
        if number % 3 == 0:  # a shorter coding region of the same promoter
            isoforms.append(_isoform(f"{gene}.t2", "one exon", tss, strand))
            isoforms[1] = Isoform(isoforms[1].name, isoforms[1].exons, None)
        models.append(Model(gene, chrom, strand, tuple(isoforms)))
    for number, chrom in enumerate(CONTIGS[2:]):
        gene = f"LEFT{number}"
        models.append(Model(gene, chrom, "+", (_isoform(f"{gene}.t1", "one exon", 5000, "+"),)))
    models.append(Model("SILENT", "chr1", "+", (Isoform("SILENT.t1", ((100_000, 100_500),), None),)))
    return models


def pieces(isoform, strand, stop=True):
    """The coding region by exons, with or without its stop codon."""
    first, last = isoform.coding
    spans = [(max(start, first), min(end, last)) for start, end in isoform.exons if end >= first and start <= last]
    return spans if stop else minus(spans, codon(isoform, strand, "stop"))


def minus(spans, cut):
    """Spans without the bases of others."""
    bases = sorted(
        {b for start, end in spans for b in range(start, end + 1)} - {b for s, e in cut for b in range(s, e + 1)}
    )
    return runs(bases)


def runs(bases):
    """Sorted positions as spans."""
    breaks = np.flatnonzero(np.diff(bases) > 1)
    return [(int(run[0]), int(run[-1])) for run in np.split(np.array(bases), breaks + 1) if len(run)]


def codon(isoform, strand, which):
    """The start or stop codon: three bases, in one exon or two."""
    bases = [b for start, end in pieces(isoform, strand) for b in range(start, end + 1)]
    at_left = (which == "start") == (strand == "+")
    return runs(bases[:3] if at_left else bases[-3:])


def utrs(isoform, strand, stop=True):
    """Untranslated exonic spans before and after the coding region; stop: the stop codon counts as coding."""
    rest = minus(isoform.exons, pieces(isoform, strand, stop))
    left = [span for span in rest if span[1] < isoform.coding[0] + (0 if strand == "+" or stop else 3)]
    right = [span for span in rest if span not in left]
    return (left, right) if strand == "+" else (right, left)


def write_genome(path, models) -> None:
    """Random bases, in which every coding region starts with ATG and ends in TAA."""
    rng = np.random.default_rng(1)
    contigs = {name: rng.choice(list("ACGT"), LENGTH) for name in CONTIGS}
    for model in models:
        for isoform in model.isoforms:
            for which, bases in (("start", "ATG"), ("stop", "TAA")) if isoform.coding else ():
                spots = [b for start, end in codon(isoform, model.strand, which) for b in range(start, end + 1)]
                if model.strand == "-":
                    bases = bases[::-1].translate(str.maketrans("ACGT", "TGCA"))
                contigs[model.chrom][np.array(spots) - 1] = list(bases)
    path.write_text("".join(f">{name}\n{''.join(bases)}\n" for name, bases in contigs.items()))


def frames(spans, strand):
    """Column 8 of each coding span."""
    done, found = 0, {}
    for start, end in sorted(spans, reverse=strand == "-"):
        found[start, end] = (3 - done % 3) % 3
        done += end - start + 1
    return found


class Writer:
    """Lines of one source: columns 1 to 8 here, column 9 by whoever calls."""

    def __init__(self, source, *header):
        self.source, self.rows = source, list(header)

    def add(self, model, feature, span, about, frame=".", strand=None):
        self.rows.append(
            f"{model.chrom}\t{self.source}\t{feature}\t{span[0]}\t{span[1]}\t.\t{strand or model.strand}\t{frame}\t{about}"
        )

    def coding(self, model, spans, about, feature="CDS"):
        for span, frame in frames(spans, model.strand).items():
            self.add(model, feature, span, about, frame)

    def text(self):
        return "\n".join(self.rows) + "\n"


def ends(isoform):
    return isoform.exons[0][0], isoform.exons[-1][1]


def gtf_parts(out, model, isoform, about, utr=("UTR", "UTR"), utr_has_stop=True, codons=True):
    """Lines of a transcript in GTF: its coding region stops before the stop codon."""
    for span in isoform.exons if model.strand == "+" else isoform.exons[::-1]:
        out.add(model, "exon", span, about)
    if not isoform.coding:
        return
    out.coding(model, pieces(isoform, model.strand, stop=False), about)
    for which in ("start", "stop") if codons else ():
        out.coding(model, codon(isoform, model.strand, which), about, f"{which}_codon")
    for name, spans in zip(utr, utrs(isoform, model.strand, stop=not utr_has_stop), strict=True) if utr else ():
        for span in spans:
            out.add(model, name, span, about)


def biotype(isoform_or_model):
    coding = getattr(isoform_or_model, "coding", None) or any(
        isoform.coding for isoform in getattr(isoform_or_model, "isoforms", ())
    )
    return "protein_coding" if coding else "lncRNA"


def gencode(models):
    out = Writer("HAVANA", "##description: evidence-based annotation", "##provider: GENCODE", "##format: gtf")
    for model in models:
        gene = f'gene_id "{model.gene}"; gene_type "{biotype(model)}"; gene_name "{model.gene}"; level 2;'
        out.add(model, "gene", model.span, gene)
        for number, isoform in enumerate(model.isoforms):
            tags = ["basic"] + ["Ensembl_canonical", "MANE_Select"] * (number == 0)
            about = gene.replace("; gene_type", f'; transcript_id "{isoform.name}"; gene_type', 1)
            about += "".join(f' tag "{tag}";' for tag in tags)
            out.add(model, "transcript", ends(isoform), about)
            gtf_parts(out, model, isoform, about)
    return out.text()


def gencode_gff3(models):
    out = Writer("HAVANA", "##gff-version 3", "#provider: GENCODE")
    for model in models:
        gene = f"gene_id={model.gene};gene_type={biotype(model)};gene_name={model.gene};level=2"
        out.add(model, "gene", model.span, f"ID={model.gene};{gene}")
        for number, isoform in enumerate(model.isoforms):
            about = f"Parent={model.gene};{gene};transcript_id={isoform.name};tag=basic" + ",MANE_Select" * (
                number == 0
            )
            out.add(model, "transcript", ends(isoform), f"ID={isoform.name};{about}")
            about = about.replace(f"Parent={model.gene}", f"Parent={isoform.name}")
            for n, span in enumerate(isoform.exons, start=1):
                out.add(model, "exon", span, f"ID=exon:{isoform.name}:{n};{about}")
            if isoform.coding:
                out.coding(model, pieces(isoform, model.strand), f"ID=CDS:{isoform.name};{about}")
                for which in ("start", "stop"):
                    spans = codon(isoform, model.strand, which)
                    out.coding(model, spans, f"ID={which}_codon:{isoform.name};{about}", f"{which}_codon")
    return out.text()


def ensembl(models):
    out = Writer("ensembl_havana", "#!genome-build simulated", "#!genebuild-last-updated 2024-01")
    for model in models:
        gene = f'gene_id "{model.gene}"; gene_version "4"; gene_name "{model.gene}"; gene_biotype "{biotype(model)}";'
        out.add(model, "gene", model.span, gene)
        for number, isoform in enumerate(model.isoforms):
            about = f'{gene} transcript_id "{isoform.name}"; transcript_version "2"; tag "basic";'
            about += ' tag "Ensembl_canonical";' * (number == 0)
            out.add(model, "transcript", ends(isoform), about)
            gtf_parts(out, model, isoform, about, ("five_prime_utr", "three_prime_utr"), utr_has_stop=False)
    return out.text()


def ensembl_gff3(models):
    out = Writer("ensembl", "##gff-version   3", *(f"##sequence-region   {name} 1 {LENGTH}" for name in CONTIGS))
    for name in CONTIGS:
        out.rows.append(f"{name}\tsimulated\tchromosome\t1\t{LENGTH}\t.\t.\t.\tID=chromosome:{name};Alias=x{name}")
    for model in models:
        feature = "gene" if biotype(model) == "protein_coding" else "ncRNA_gene"
        about = f"ID=gene:{model.gene};Name={model.gene};biotype={biotype(model)};gene_id={model.gene};version=4"
        out.add(model, feature, model.span, about)
        for isoform in model.isoforms:
            about = f"ID=transcript:{isoform.name};Parent=gene:{model.gene};tag=basic;transcript_id={isoform.name};version=2"
            out.add(model, "mRNA" if isoform.coding else "lnc_RNA", ends(isoform), about)
            parent = f"Parent=transcript:{isoform.name}"
            for number, span in enumerate(isoform.exons, start=1):
                out.add(model, "exon", span, f"{parent};Name={isoform.name}-E{number};rank={number}")
            if isoform.coding:
                out.coding(
                    model, pieces(isoform, model.strand), f"ID=CDS:{isoform.name}P;{parent};protein_id={isoform.name}P"
                )
                for name, spans in zip(("five_prime_UTR", "three_prime_UTR"), utrs(isoform, model.strand), strict=True):
                    for span in spans:
                        out.add(model, name, span, parent)
        out.rows.append("###")
    return out.text()


def refseq(models):
    out = Writer("BestRefSeq", "#gtf-version 2.2", "#!annotation-source NCBI RefSeq")
    for model in models:
        gene = f'gene_id "{model.gene}"; transcript_id ""; db_xref "GeneID:1"; gbkey "Gene"; gene "{model.gene}"; '
        out.add(model, "gene", model.span, gene + f'gene_biotype "{biotype(model)}";')
        for number, isoform in enumerate(model.isoforms):
            about = f'gene_id "{model.gene}"; transcript_id "{isoform.name}"; db_xref "GeneID:1"; gene "{model.gene}"; '
            about += 'product "a; quoted product, with %2C"; ' + 'tag "RefSeq Select"; ' * (number == 0)
            out.add(model, "transcript", ends(isoform), about + 'transcript_biotype "mRNA";')
            gtf_parts(out, model, isoform, about, utr=())
    return out.text()


def refseq_gff3(models):
    out = Writer("BestRefSeq", "##gff-version 3", "#!gff-spec-version 1.21", "#!processor NCBI annotwriter")
    genome = {"chrM": "mitochondrion", "chrC": "chloroplast"}
    for name in CONTIGS:
        about = f"ID={name}:1..{LENGTH};Dbxref=taxon:1;Name={name[3:]};gbkey=Src;mol_type=genomic DNA;"
        about += (
            f"Is_circular=true;genome={genome[name]}" if name in genome else f"chromosome={name[3:]};genome=chromosome"
        )
        out.rows.append(f"{name}\tRefSeq\tregion\t1\t{LENGTH}\t.\t+\t.\t{about}")
    for model in models:
        about = f"Dbxref=GeneID:1;Name={model.gene};gbkey=Gene;gene={model.gene};gene_biotype={biotype(model)}"
        out.add(model, "gene", model.span, f"ID=gene-{model.gene};{about}")
        for number, isoform in enumerate(model.isoforms):
            tag = ";tag=RefSeq Select" * (number == 0)
            about = (
                f"ID=rna-{isoform.name};Parent=gene-{model.gene};gene={model.gene}{tag};transcript_id={isoform.name}"
            )
            out.add(model, "mRNA" if isoform.coding else "lnc_RNA", ends(isoform), about)
            for n, span in enumerate(isoform.exons, start=1):
                out.add(model, "exon", span, f"ID=exon-{isoform.name}-{n};Parent=rna-{isoform.name};gene={model.gene}")
            if isoform.coding:
                about = f"ID=cds-{isoform.name};Parent=rna-{isoform.name};gbkey=CDS;gene={model.gene}"
                out.coding(model, pieces(isoform, model.strand), about)
    return out.text()


def ucsc(models):
    out = Writer("refGene.2024")  # of genePredToGtf
    for model in models:
        for isoform in model.isoforms:
            about = f'gene_id "{model.gene}"; transcript_id "{isoform.name}";  gene_name "{model.gene}";'
            out.add(model, "transcript", ends(isoform), about)
            out.source = "refGene"
            gtf_parts(out, model, isoform, about, ("5UTR", "3UTR"))
    return out.text()


def tair(models):
    out = Writer("TAIR10")
    for name in CONTIGS:
        out.rows.append(f"{name}\tTAIR10\tchromosome\t1\t{LENGTH}\t.\t.\t.\tID={name};Name={name}")
    for model in models:
        note = "protein_coding_gene" if biotype(model) == "protein_coding" else "other_RNA"
        out.add(model, "gene", model.span, f"ID={model.gene};Note={note};Name={model.gene}")
        for number, isoform in enumerate(model.isoforms, start=1):
            name, protein = isoform.name, f"{isoform.name}-Protein"
            feature = "mRNA" if isoform.coding else "ncRNA"
            out.add(model, feature, ends(isoform), f"ID={name};Parent={model.gene};Name={name};Index={number}")
            for span in isoform.exons:
                out.add(model, "exon", span, f"Parent={name}")
            if isoform.coding:
                about = f"ID={protein};Name={name};Derives_from={name}"
                out.add(model, "protein", isoform.coding, about)
                out.coding(model, pieces(isoform, model.strand), f"Parent={name},{protein};")
                for utr, spans in zip(("five_prime_UTR", "three_prime_UTR"), utrs(isoform, model.strand), strict=True):
                    for span in spans:
                        out.add(model, utr, span, f"Parent={name}")
    return out.text()


def phytozome(models):
    out = Writer("phytozomev13", "##gff-version 3", "##annot-version v2.1")
    for model in models:
        out.add(model, "gene", model.span, f"ID={model.gene};Name={model.gene}")
        for number, isoform in enumerate(model.isoforms):
            about = f"ID={isoform.name};Name={isoform.name};pacid=1;longest={int(number == 0)};Parent={model.gene}"
            out.add(model, "mRNA", ends(isoform), about)
            if isoform.coding:
                parent = f"Parent={isoform.name};pacid=1"
                for utr, spans in zip(("five_prime_UTR", "three_prime_UTR"), utrs(isoform, model.strand), strict=True):
                    for n, span in enumerate(spans, start=1):
                        out.add(model, utr, span, f"ID={isoform.name}.{utr}.{n};{parent}")
                out.coding(model, pieces(isoform, model.strand), f"ID={isoform.name}.CDS;{parent}")
    return out.text()


def stringtie(models):
    out = Writer("StringTie", "# stringtie --merge -G reference.gtf", "# StringTie version 2.2.1")
    for model in models:
        for isoform in model.isoforms:
            about = f'gene_id "{model.gene}"; transcript_id "{isoform.name}"; gene_name "{model.gene}"; '
            out.source = "StringTie"
            out.add(model, "transcript", ends(isoform), about + 'cov "9.5"; FPKM "1.2"; TPM "3.4";')
            for number, span in enumerate(isoform.exons, start=1):
                out.add(model, "exon", span, about + f'exon_number "{number}"; cov "9.5";')
            if isoform.coding:
                out.source = "TransDecoder"
                out.coding(model, pieces(isoform, model.strand, stop=False), about)
    return out.text()


def liftoff(models):
    """With an extra copy of the first gene elsewhere, which is the same gene."""
    out = Writer("Liftoff", "##gff-version 3", "# Liftoff v1.6.3")
    first = models[0]
    shift = 95_000 - first.span[0]
    extra = Model(
        first.gene, "chr2", first.strand,
        tuple(
            Isoform(i.name, tuple((a + shift, b + shift) for a, b in i.exons), i.coding and tuple(x + shift for x in i.coding))
            for i in first.isoforms
        ),
    )  # fmt: skip
    for number, model in [(1, extra), *((0, model) for model in models)]:
        suffix = f"_{number}" * bool(number)
        lifted = (
            f"coverage=1.0;sequence_ID=1.0;valid_ORFs=1;extra_copy_number={number};copy_num_ID={model.gene}_{number}"
        )
        about = f"ID={model.gene}{suffix};Name={model.gene};gene_id={model.gene};gene_biotype={biotype(model)};{lifted}"
        out.add(model, "gene", model.span, about)
        for isoform in model.isoforms:
            name = isoform.name + suffix
            about = f"ID={name};Parent={model.gene}{suffix};transcript_id={isoform.name};extra_copy_number={number}"
            out.add(model, "mRNA", ends(isoform), about)
            for n, span in enumerate(isoform.exons, start=1):
                about = f"ID=exon-{name}-{n};Parent={name};extra_copy_number={number}"
                out.add(model, "exon", span, about)
            if isoform.coding:
                about = f"ID=cds-{name};Parent={name};extra_copy_number={number}"
                out.coding(model, pieces(isoform, model.strand), about)
    return out.text()


def augustus(models, exons=False):
    """Gene and transcript lines hold nothing but the id; the coding region holds the stop codon, which has a line too."""
    out = Writer("AUGUSTUS", "# This output was generated with AUGUSTUS (version 3.5.0).", "# start gene")
    for model in models:
        out.add(model, "gene", model.span, model.gene)
        for isoform in model.isoforms:
            about = f'transcript_id "{isoform.name}"; gene_id "{model.gene}";'
            out.add(model, "transcript", ends(isoform), isoform.name)
            for (_, end), (start, _) in zip(isoform.exons, isoform.exons[1:], strict=False):
                out.add(model, "intron", (end + 1, start - 1), about)
            for span in isoform.exons if exons or not isoform.coding else ():
                out.add(model, "exon", span, about)
            if isoform.coding:
                out.coding(model, pieces(isoform, model.strand), about)
                for which in ("start", "stop"):
                    out.coding(model, codon(isoform, model.strand, which), about, f"{which}_codon")
                for utr, spans in zip(("5'-UTR", "3'-UTR"), utrs(isoform, model.strand), strict=True):
                    for span in spans if not exons else ():
                        out.add(model, utr, span, about)
    return out.text()


def braker(models):
    return augustus(models, exons=True)


def augustus_gff3(models):
    out = Writer("AUGUSTUS", "##gff-version 3")
    for model in models:
        out.add(model, "gene", model.span, f"ID={model.gene};")
        for isoform in model.isoforms:
            out.add(model, "transcript", ends(isoform), f"ID={isoform.name};Parent={model.gene}")
            if isoform.coding:
                out.add(
                    model,
                    "transcription_start_site",
                    ends(isoform)[:1] * 2,
                    f"ID={isoform.name}.tss1;Parent={isoform.name};",
                )
                out.coding(model, pieces(isoform, model.strand), f"ID={isoform.name}.cds;Parent={isoform.name}")
                for utr, spans in zip(("five_prime_utr", "three_prime_utr"), utrs(isoform, model.strand), strict=True):
                    for n, span in enumerate(spans, start=1):
                        out.add(model, utr, span, f"ID={isoform.name}.{utr}{n};Parent={isoform.name};")
    return out.text()


def plasmodb(models):
    """Ends with sequences, as the database's files do."""
    out = Writer("VEuPathDB", "##gff-version 3")
    for model in models:
        kind = "protein_coding_gene" if biotype(model) == "protein_coding" else "ncRNA_gene"
        about = f"ID={model.gene};Name={model.gene};description=a protein%2C putative;ebi_biotype={biotype(model)}"
        out.add(model, kind, model.span, about)
        for isoform in model.isoforms:
            name, feature = isoform.name, "mRNA" if isoform.coding else "ncRNA"
            out.add(model, feature, ends(isoform), f"ID={name};Parent={model.gene};description=a protein%2C putative")
            for number, span in enumerate(isoform.exons, start=1):
                out.add(model, "exon", span, f"ID=exon_{name}-E{number};Parent={name};gene_id={model.gene}")
            if isoform.coding:
                about = f"Parent={name};gene_id={model.gene};protein_source_id={name}-p1"
                out.coding(model, pieces(isoform, model.strand), f"ID={name}-p1-CDS1;{about}")
                for utr, spans in zip(("five_prime_UTR", "three_prime_UTR"), utrs(isoform, model.strand), strict=True):
                    for n, span in enumerate(spans, start=1):
                        out.add(model, utr, span, f"ID=utr_{name}_{utr}_{n};{about}")
    return out.text() + "##FASTA\n>chr1\nACGT\n"


DIALECTS = {
    writer.__name__: writer
    for writer in (
        gencode, gencode_gff3, ensembl, ensembl_gff3, refseq, refseq_gff3, ucsc, tair, phytozome, stringtie, liftoff, augustus,
        braker, augustus_gff3, plasmodb,
    )
}  # fmt: skip
NAMELESS = {"augustus", "braker", "augustus_gff3"}  # that give genes no names
