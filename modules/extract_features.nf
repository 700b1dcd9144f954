// Promoter sequence and annotation features of every gene of a genome.
process EXTRACT_FEATURES {
    tag "${genome}"
    label 'process_single'

    input:
    tuple val(genome), path(fasta, stageAs: 'genome.fasta'), path(gtf, stageAs: 'annotation'), path(canonical, stageAs: 'canonical.txt')
    val window                                      // upstream, downstream, and features of the annotation
    val code                                        // fingerprint of the executable's modules

    output:
    tuple val(genome), path('genes.tsv'), path('features.h5'), path('dropped_genes.tsv'), path('transcripts.bed'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${code}
    extract_features.py --fasta genome.fasta --gtf annotation ${canonical ? '--canonical canonical.txt' : ''} \\
        --upstream ${window.upstream} --downstream ${window.downstream} --features ${window.features}
    """

    stub:
    """
    touch genes.tsv features.h5 dropped_genes.tsv transcripts.bed
    """
}
