/*
 * From atlases and features of genes to trained models: folds, expression, baselines, networks and their ensembles.
 */

include { fingerprint         } from '../functions/scripts'
include { SPLIT_FOLDS         } from '../modules/split_folds'
include { PSEUDOBULK          } from '../modules/pseudobulk'
include { FIT_BASELINES       } from '../modules/fit_baselines'
include { TRAIN_FOLD ; recipe } from '../modules/train_fold'
include { ENSEMBLE            } from '../modules/ensemble'

workflow TRAIN {
    take:
    atlases_ch                                      // [atlas: its row of the sheet, levels as a list; counts]
    features_ch                                     // [genome, genes.tsv, features.h5]
    ready_ch                                        // one item, when training may start
    options                                         // the parameters

    main:
    // [genome, folds.tsv]
    folds_ch = SPLIT_FOLDS(
        features_ch,
        options.folds,
        options.fold_method,
        options.seed,
        fingerprint('split_folds.py'),
    ).made

    // [atlas, folder of its levels' expression]
    expression_ch = PSEUDOBULK(
        atlases_ch
            .map { atlas, counts -> [atlas.genome, atlas, counts] }
            .combine(features_ch, by: 0)
            .map { _genome, atlas, counts, genes, _features -> [atlas, counts, genes] },
        options.subMap('aggregation', 'pseudocount', 'min_cells', 'seed'),
        fingerprint('pseudobulk.py'),
    ).made

    // [level: atlas, level, genome; features.h5; <level>.tsv.gz; <level>.populations.tsv; folds.tsv]
    levels_ch = expression_ch
        .flatMap { atlas, folder ->
            atlas.levels.collect { level ->
                [
                    atlas.genome,
                    [atlas: atlas.atlas, level: level, genome: atlas.genome],
                    folder.resolve("${level}.tsv.gz"),
                    folder.resolve("${level}.populations.tsv"),
                ]
            }
        }
        .combine(features_ch.join(folds_ch), by: 0)
        .map { _genome, level, expression, populations, _genes, features, folds -> [level, features, expression, populations, folds] }

    // [level, one table of predictions for each baseline]
    baselines_ch = FIT_BASELINES(
        levels_ch.map { level, features, expression, _populations, folds -> [level, features, expression, folds] },
        fingerprint('fit_baselines.py'),
    ).made

    // As levels_ch, of each model: atlas, level, genome, network
    models_ch = levels_ch
        .combine(channel.fromList(options.network.tokenize(', ')))
        .map { level, features, expression, populations, folds, network ->
            [level + [network: network], features, expression, populations, folds]
        }

    // The folds of each training task, in a list of their own so that `combine` leaves them together.
    held_out_ch = ready_ch.flatMap {
        (1..options.folds).toList().collate(options.folds_per_task).collect { held_out -> [held_out] }
    }

    // [model, folder of a fold's networks]
    trained_ch = TRAIN_FOLD(
        models_ch
            .combine(held_out_ch)
            .map { model, features, expression, _populations, folds, held_out ->
                [model, held_out, recipe(model.network, options), features, expression, folds]
            },
        options.device,
        fingerprint('train_fold.py'),
    ).made.flatMap { model, folders -> folders.collect { folder -> [model, folder] } }

    // [model, its folds' folders], as soon as the last of them is there. (Nextflow 26.04 has `groupBy` for it, 25.04 has not.)
    folders_ch = trained_ch
        .map { model, folder -> [groupKey(model, options.folds), folder] }
        .groupTuple()
        .map { model, folders -> [model.target, folders.toSorted { folder -> folder.name }] }

    // [model, predictions.tsv.gz, model.json]
    ensembles_ch = ENSEMBLE(
        models_ch.combine(folders_ch, by: 0),
        options.ensemble,
        fingerprint('ensemble.py'),
    ).made

    // [model, path in its folder]
    described_ch = ensembles_ch.map { model, _predictions, description -> [model, description] }
    // [model, model.json, its folds' folders]
    trained_models_ch = described_ch.join(folders_ch)
    // [atlas, level and network, or baseline; its table of predictions]
    predictions_ch = ensembles_ch
        .map { model, predictions, _description -> [model, predictions] }
        .mix(
            baselines_ch.flatMap { level, mean, half_life, kmer ->
                [mean: mean, half_life: half_life, kmer: kmer].collect { name, table -> [level + [network: name], table] }
            }
        )

    emit:
    folds_ch
    expression_ch
    trained_ch
    described_ch
    trained_models_ch
    predictions_ch
}
