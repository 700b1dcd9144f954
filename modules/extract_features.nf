include { fingerprint } from '../functions/scripts'

// Promoter sequence and annotation features of every gene of a genome.
process EXTRACT_FEATURES {
    tag "${name.genome ?: name.sample} ${window.window}"
    label 'process_single'
    ext code: { fingerprint('extract_features.py') }

    input:
    tuple val(name), val(window), path(fasta, stageAs: 'genome.fasta'), path(gtf, stageAs: 'annotation'), path(canonical, stageAs: 'canonical.txt'), path(gene_features, stageAs: 'gene_features'), val(missing)

    output:
    tuple val(name), val(window), path('genes.tsv'), path('features.h5'), path('dropped_genes.tsv'), path('transcripts.bed'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    extract_features.py --fasta genome.fasta --gtf annotation ${canonical ? '--canonical canonical.txt' : ''} \\
        --upstream ${window.upstream} --downstream ${window.downstream} --features ${window.features} \\
        ${gene_features ? "--gene_features gene_features --gene_features_missing ${missing}" : ''}
    """

    stub:
    """
    touch genes.tsv features.h5 dropped_genes.tsv transcripts.bed
    """
}
