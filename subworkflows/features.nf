/*
 * Promoter sequence and annotation features of every genome, and of samples that are assemblies, for each window of the run.
 */

include { EXTRACT_FEATURES } from '../modules/extract_features'

workflow FEATURES {
    take:
    plan_ch                                         // what to run: windows (see main.nf)
    genomes_ch                                      // [genome, its files]
    samples_ch                                      // [sample: its row of the sheet; its files]
    options                                         // the parameters

    main:
    // [sample: its name; its files, with the gene features of its genome], of assemblies
    assembled_ch = samples_ch
        .filter { sample, _files -> sample.gtf }
        .map { sample, files -> [sample.genome, sample, files] }
        .combine(genomes_ch, by: 0)
        .map { _genome, sample, files, of_genome -> [[sample: sample.sample], files + of_genome.subMap('gene_features')] }

    // [name: genome or sample; window: its name, upstream, downstream, features, gene_features; genes.tsv, features.h5,
    // dropped_genes.tsv, transcripts.bed]
    extracted_ch = EXTRACT_FEATURES(
        genomes_ch
            .map { genome, files -> [[genome: genome], files] }
            .mix(assembled_ch)
            .combine(plan_ch.flatMap { plan -> plan.windows })
            .map { name, files, window ->
                def table = window.gene_features ? files.gene_features ?: [] : []
                // Genes of an assembly may have ids that the table of its genome does not have.
                def missing = name.sample ? 'mean' : options.gene_features_missing
                [name, window, files.fasta, files.gtf, files.canonical ?: [], table, table ? missing : '']
            }
    ).made
    of_genomes_ch = extracted_ch.filter { row -> row[0].genome }

    // [genome, name of the window, features.h5]
    features_ch = of_genomes_ch.map { name, window, _genes, features, _dropped, _transcripts ->
        [name.genome, window.window, features]
    }
    // [genome, genes.tsv, features.h5, dropped_genes.tsv, transcripts.bed], of the run's first window
    tables_ch = of_genomes_ch
        .combine(plan_ch.map { plan -> plan.windows[0].window })
        .filter { row -> row[1].window == row.last() }
        .map { name, _window, genes, features, dropped, transcripts, _first -> [name.genome, genes, features, dropped, transcripts] }
    // [genome, genes.tsv, features.h5], of the run's first window
    genes_ch = tables_ch.map { row -> row[0..2] }
    // As features_ch, of the other windows
    other_windows_ch = features_ch
        .combine(plan_ch.map { plan -> plan.windows[0].window })
        .filter { _genome, window, _features, first -> window != first }
        .map { genome, window, features, _first -> [genome, window, features] }
    // [sample, name of the window, features.h5 of its own genes]
    assemblies_ch = extracted_ch
        .filter { row -> row[0].sample }
        .map { name, window, _genes, features, _dropped, _transcripts -> [name.sample, window.window, features] }

    emit:
    tables_ch
    genes_ch
    features_ch
    other_windows_ch
    assemblies_ch
}
