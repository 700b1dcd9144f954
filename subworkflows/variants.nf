/*
 * Scores for the variants that matter: the alleles of every set, by every model of the set's genome.
 */

include { number               } from '../functions/scripts'
include { map_of               } from '../functions/models'
include { POOL_EFFECTS         } from '../modules/pool_effects'
include { SCORE_VARIANTS       } from '../modules/score_variants'
include { JOIN_SCORES          } from '../modules/join_scores'
include { MOTIF_CHANGES        } from '../modules/motif_changes'
include { BENCHMARK_EFFECTS    } from '../modules/benchmark_effects'
include { COMPARE_SCORES       } from '../modules/compare_scores'

workflow VARIANTS {
    take:
    sets_ch                                         // [set: its row of the sheet; chunks of its alleles; …]
    models_ch                                       // [model, model.json, its folds' folders]
    genes_ch                                        // [genome, genes.tsv, features.h5], of the run's first window
    features_ch                                     // [genome, name of a window, features.h5]
    genomes_ch                                      // [genome, its files]
    imported_ch                                     // [row of --external_scores, its scores, alleles without use]
    inputs                                          // inputs of the run
    options                                         // the parameters

    main:
    // [genome, model, model.json, its folds' folders, features.h5, genes.tsv, files of the genome]
    scorers_ch = models_ch
        .map { model, description, folds -> [model.genome, model.window, model, description, folds] }
        .combine(features_ch, by: [0, 1])
        .map { genome, _window, model, description, folds, features -> [genome, model, description, folds, features] }
        .combine(genes_ch.map { row -> row[0..1] }.join(genomes_ch), by: 0)

    // [genome, set, chunks of its alleles]
    chunks_ch = sets_ch
        .map { set, chunks, _rejected, _counts -> [set.genome, set.set, [chunks].flatten()] }
        .filter { _genome, _set, chunks -> chunks }

    // Genomes whose models need pooled effects: for sets, and for a map
    pooling_ch = chunks_ch
        .filter { options.variant_null == 'pooled' }
        .map { genome, _set, _chunks -> genome }
        .mix(models_ch.filter { options.variant_map }.map { model, _description, _folds -> model.genome })
        .unique()

    // [model, pooled_effects.h5], of those that have none from an earlier run
    pooled_ch = POOL_EFFECTS(
        scorers_ch
            .filter { row -> !kept_pooled(inputs, row[2]) }
            .combine(pooling_ch, by: 0)
            .map { _genome, model, description, folds, features, _genes, _files -> [model, description, folds, features] },
        options.device,
        options.engine,
    ).made
    // [model, pooled_effects.h5], of an earlier run too
    every_pooled_ch = pooled_ch.mix(
        models_ch
            .map { model, description, _folds -> [model, kept_pooled(inputs, description)] }
            .filter { _model, pooled -> pooled }
    )
    // [model, pooled_effects.h5 or []]
    backgrounds_ch = options.variant_null == 'pooled'
        ? every_pooled_ch
        : models_ch.map { model, _description, _folds -> [model, []] }

    // [scored: set and model; chunk and what scores it]; scored knows how many chunks there are
    tasks_ch = chunks_ch
        .combine(
            scorers_ch
                .map { genome, model, description, folds, features, genes, files -> [model, genome, description, folds, features, genes, files] }
                .join(backgrounds_ch)
                .map { model, genome, description, folds, features, genes, files, pooled -> [genome, model, description, folds, features, genes, files, pooled] },
            by: 0,
        )
        .flatMap { _genome, set, chunks, model, description, folds, features, genes, files, pooled ->
            def scored = groupKey([set: set] + model, chunks.size())
            chunks.collect { chunk ->
                [scored, chunk, description, folds, features, genes, files.fasta, pooled, map_of(model, inputs.maps) ?: []]
            }
        }

    // [scored, scores.tsv.gz], with q-values
    scores_ch = JOIN_SCORES(
        SCORE_VARIANTS(
            tasks_ch,
            file("${projectDir}/assets/sign_calibration.json"),
            options.haplotypes,
            options.device,
            options.engine,
        ).made
            .groupTuple()
            .map { scored, scores -> [scored.target, scores.toSorted { table -> number(table) }] },
    ).made

    // [scored, table of changed motifs]
    changes_ch = MOTIF_CHANGES(
        scores_ch
            .filter { inputs.motifs }
            .map { scored, scores -> [scored.genome, scored.window, scored, scores] }
            .combine(features_ch, by: [0, 1])
            .map { genome, _window, scored, scores, features -> [genome, scored, scores, features] }
            .combine(genes_ch.map { row -> row[0..1] }, by: 0)
            .map { _genome, scored, scores, features, genes -> [scored, scores, features, genes] },
        inputs.motifs,
        options.motif_p_value,
    ).made

    // [genome, tables of other tools' scores]
    others_ch = inputs.external
        ? genomes_ch.map { genome, _files -> [genome, [inputs.external]] }
        : imported_ch
            .map { row, scores, _unused -> [row.genome, [row.tool, scores]] }
            .groupTuple()
            .map { genome, named -> [genome, named.toSorted { one -> one[0] }.collect { one -> one[1] }] }

    // [scored, comparison.tsv, correlations.tsv]
    compared_ch = COMPARE_SCORES(
        scores_ch
            .map { scored, scores -> [scored.genome, scored, scores] }
            .combine(others_ch, by: 0)
            .map { _genome, scored, scores, others -> [scored, scores, others] },
    ).made

    // [row of --benchmark, scored, pairs of effects, their agreement]
    benchmarked_ch = BENCHMARK_EFFECTS(
        channel.fromList(inputs.benchmarks.collect { row -> [row.values.set, row.values, row.files.file] })
            .combine(scores_ch.map { scored, scores -> [scored.set, scored, scores] }, by: 0)
            .map { _set, row, measured, scored, scores -> [row, measured, scored, scores] }
    ).made

    emit:
    scores_ch
    changes_ch
    compared_ch
    benchmarked_ch
    pooled_ch
    every_pooled_ch
}

// The pooled effects beside the model.json of a model of --models; null if there are none.
def kept_pooled(inputs, description) {
    return inputs.models.find { one -> one.file == description }?.pooled
}
