/*
 * Maps of the bases that matter: every substitution in the windows of the selected genes, by every model.
 */

include { number               } from '../functions/scripts'
include { SELECT_GENES         } from '../modules/select_genes'
include { SATURATE             } from '../modules/saturate'
include { JOIN_SATURATION      } from '../modules/join_saturation'
include { MATCH_MOTIFS         } from '../modules/match_motifs'

workflow SATURATION {
    take:
    models_ch                                       // [model, model.json, its folds' folders]
    genes_ch                                        // [genome, genes.tsv, features.h5], of the run's first window
    features_ch                                     // [genome, name of a window, features.h5]
    inputs                                          // inputs of the run
    options                                         // the parameters

    main:
    // [atlas, chunks of its selected genes]; only highly variable genes need its counts
    selected_ch = SELECT_GENES(
        models_ch
            .filter { options.saturate }
            .map { model, _description, _folds -> model.subMap('atlas', 'genome') }
            .unique()
            .map { atlas ->
                def row = inputs.atlases.find { one -> one.values.atlas == atlas.atlas }
                def variable = row && options.saturate.toString().contains('hvg:')
                def described = atlas + (row ? row.values.subMap('layer', 'gene_column', 'cells', 'library_column') : [:])
                def files = variable ? [row.files.counts, row.files.annotations ?: [], row.state] : [[], [], '']
                [atlas.genome, described] + files
            }
            .combine(genes_ch, by: 0)
            .map { _genome, atlas, counts, annotations, state, genes, _features -> [atlas, genes, counts, annotations, state] },
        options.saturate ?: '',
        inputs.list,
        options.genes_per_task,
        options.seed,
    ).made.map { atlas, chunks -> [atlas.atlas, [chunks].flatten()] }

    // [model, model.json, its folds' folders, features.h5, genes.tsv, chunk]; the model knows how many chunks there are
    tasks_ch = models_ch
        .map { model, description, folds -> [model.atlas, model, description, folds] }
        .combine(selected_ch, by: 0)
        .map { _atlas, model, description, folds, chunks -> [model.genome, model.window, model, description, folds, chunks] }
        .combine(features_ch, by: [0, 1])
        .combine(genes_ch.map { row -> row[0..1] }, by: 0)
        .flatMap { _genome, _window, model, description, folds, chunks, features, genes ->
            chunks.collect { chunk -> [groupKey(model, chunks.size()), description, folds, features, genes, chunk] }
        }

    // [model, folder of its effects, profiles and means over genes]
    saturation_ch = JOIN_SATURATION(
        SATURATE(tasks_ch, options.device, options.engine).made
            .groupTuple()
            .map { model, parts -> [model.target.genome, model.target, parts.toSorted { part -> number(part) }] }
            .combine(genes_ch, by: 0)
            .map { _genome, model, parts, genes, _features -> [model, parts, genes] },
        options.contrast ?: '',
    ).made

    // [model, motifs.tsv, seqlets.tsv.gz]
    matched_ch = MATCH_MOTIFS(
        saturation_ch
            .filter { inputs.motifs }
            .map { model, folder -> [model.genome, model, folder] }
            .combine(genes_ch, by: 0)
            .map { _genome, model, folder, genes, _features -> [model, folder, genes] },
        inputs.motifs,
        options.motif_p_value,
    ).made

    emit:
    saturation_ch
    matched_ch
}
