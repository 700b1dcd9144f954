/*
 * From atlases and features of genes to trained models: folds, expression, baselines, networks and their ensembles.
 */

include { identify            } from '../functions/models'
include { SPLIT_FOLDS         } from '../modules/split_folds'
include { PSEUDOBULK          } from '../modules/pseudobulk'
include { FIT_BASELINES       } from '../modules/fit_baselines'
include { IMPORT_PREDICTIONS  } from '../modules/import_predictions'
include { TRAIN_FOLD          } from '../modules/train_fold'
include { ENSEMBLE            } from '../modules/ensemble'

workflow TRAIN {
    take:
    plan_ch                                         // what to run: recipes, fold methods (see main.nf)
    atlases_ch                                      // [atlas: its row of the sheet, levels as a list; its files]
    genes_ch                                        // [genome, genes.tsv, features.h5], of the run's first window
    features_ch                                     // [genome, name of a window, features.h5]
    ready_ch                                        // one item, when training may start
    inputs                                          // what was given
    options                                         // the parameters

    main:
    // [genome, method, folds.tsv]
    folds_ch = SPLIT_FOLDS(
        genes_ch
            .combine(plan_ch.flatMap { plan -> plan.fold_methods })
            .map { genome, genes, features, method -> [genome, method, genes, features] },
        options.folds,
        options.seed,
    ).made

    // [atlas, folder of its levels' expression]
    expression_ch = PSEUDOBULK(
        atlases_ch
            .map { atlas, counts, annotations, state -> [atlas.genome, atlas, counts, annotations, state] }
            .combine(genes_ch, by: 0)
            .map { _genome, atlas, counts, annotations, state, genes, _features -> [atlas, counts, annotations, state, genes] },
        options.subMap('aggregation', 'pseudocount', 'min_cells', 'seed'),
    ).made

    // [level: atlas, level, genome; <level>.tsv.gz; <level>.populations.tsv]
    levels_ch = expression_ch.flatMap { atlas, folder ->
        atlas.levels.collect { level ->
            [
                [atlas: atlas.atlas, level: level, genome: atlas.genome],
                folder.resolve("${level}.tsv.gz"),
                folder.resolve("${level}.populations.tsv"),
            ]
        }
    }

    // [level, method of the folds, a table of predictions for each baseline, named after it]
    baselines_ch = FIT_BASELINES(
        levels_ch
            .map { level, expression, _populations -> [level.genome, level, expression] }
            .combine(genes_ch, by: 0)
            .map { genome, level, expression, _genes, features -> [genome, level, expression, features] }
            .combine(folds_ch, by: 0)
            .map { _genome, level, expression, features, method, folds -> [level, method, features, expression, folds] }
    ).made

    // [level, method of the folds, row of the sheet, table of predictions] of other models
    imported_ch = IMPORT_PREDICTIONS(
        levels_ch
            .map { level, expression, _populations -> [level.subMap('atlas', 'level'), level, expression] }
            .combine(channel.fromList(inputs.predictions.collect { row -> [row.values.subMap('atlas', 'level'), row.values, row.files.file] }), by: 0)
            .map { _names, level, expression, row, predictions -> [level.genome, level, expression, row, predictions] }
            .combine(genes_ch, by: 0)
            .combine(folds_ch, by: 0)
            .map { _genome, level, expression, row, predictions, genes, _features, method, folds ->
                [level, method, row, predictions, genes, expression, folds]
            }
    ).made

    // [model: see identify; its recipe; features.h5; <level>.tsv.gz; <level>.populations.tsv; folds.tsv]
    models_ch = levels_ch
        .combine(plan_ch.flatMap { plan -> plan.recipes })
        .filter { level, _expression, _populations, recipe -> trains(recipe, level) }
        .map { level, expression, populations, recipe ->
            [level.genome, recipe.window, recipe.fold_method, identify(level, recipe), recipe, expression, populations]
        }
        .combine(features_ch, by: [0, 1])
        .map { genome, _window, method, model, recipe, expression, populations, features ->
            [genome, method, model, recipe, expression, populations, features]
        }
        .combine(folds_ch, by: [0, 1])
        .map { _genome, _method, model, recipe, expression, populations, features, folds ->
            [model, recipe, features, expression, populations, folds]
        }

    // [model, folder of a fold's networks]
    trained_ch = TRAIN_FOLD(
        models_ch
            .combine(ready_ch.map { true })
            .flatMap { model, recipe, features, expression, _populations, folds, _ready ->
                (1..options.folds).toList().collate(folds_per_task(recipe, folds, options)).collect { held_out ->
                    [model, held_out, recipe.training, features, expression, further(recipe, 'fraction', expression), further(recipe, 'dispersion', expression), folds]
                }
            },
        options.device,
    ).made.flatMap { model, folders -> folders.collect { folder -> [model, folder] } }

    // [model, its folds' folders], as soon as the last of them is there. (Nextflow 26.04 has `groupBy` for this; 25.04 does not.)
    folders_ch = trained_ch
        .map { model, folder -> [groupKey(model, options.folds), folder] }
        .groupTuple()
        .map { model, folders -> [model.target, folders.toSorted { folder -> folder.name }] }

    // [model, predictions.tsv.gz, model.json]
    ENSEMBLE(
        models_ch
            .combine(folders_ch, by: 0)
            .map { model, recipe, features, expression, populations, folds, folders ->
                [model, features, expression, further(recipe, 'fraction', expression), further(recipe, 'dispersion', expression), populations, folds, recipe.ensemble, folders]
            }
    )
    ensembles_ch = ENSEMBLE.out.made
    // [model, further target, table of its predictions], of recipes with further targets
    further_ch = ENSEMBLE.out.further.flatMap { model, tables ->
        tables.collect { table -> [model, table.name - '.tsv.gz', table] }
    }

    // [model, path in its folder]
    described_ch = ensembles_ch.map { model, _predictions, description -> [model, description] }
    // [model, model.json, its folds' folders]
    made_ch = described_ch.join(folders_ch)
    // The same, for the models whose recipe has downstream analyses
    analysed_ch = models_ch.filter { row -> row[1].downstream_analyses }.map { row -> [row[0]] }.join(made_ch)
    // [model, or a baseline or another model in its place; its table of predictions]
    predictions_ch = ensembles_ch
        .map { model, predictions, _description -> [model, predictions] }
        .mix(
            baselines_ch.flatMap { level, method, tables ->
                tables.collect { table ->
                    def name = table.name - '.tsv.gz'
                    [level + [recipe: on_folds(name, method, options), network: name], table]
                }
            },
            imported_ch.map { level, method, row, table ->
                [level + [recipe: on_folds(row.name, method, options), network: 'external'], table]
            },
        )

    emit:
    folds_ch
    expression_ch
    trained_ch
    described_ch
    made_ch
    analysed_ch
    predictions_ch
    further_ch
}

// A further target of a level, beside its expression, where a recipe predicts it.
def further(recipe, target, expression) {
    return target in recipe.targets ? expression.parent.resolve("${target}/${expression.name}") : []
}

// Whether a recipe trains a model of this atlas and level.
def trains(recipe, level) {
    return [atlases: level.atlas, levels: level.level].every { column, name -> recipe[column] == null || name in recipe[column] }
}

// The name of predictions that are not trained by a recipe: with the method of their folds, if it is not the parameter's.
def on_folds(name, method, options) {
    return method == options.fold_method ? name : "${name}_${method}".toString()
}

// The number of folds that one task trains. By default, as many as make 30,000 genes over folds and replicates, beside which
// the seconds that a task takes to start are few; fewer if as many tasks can then have the same number. The genes are the
// lines of folds.tsv.
def folds_per_task(recipe, folds, options) {
    if (options.folds_per_task != 'auto') {
        return options.folds_per_task as int
    }
    def alone = options.device == 'cuda' || recipe.training.tasks == 'single'
    def size = Math.max(1, folds.countLines() as int) * (recipe.training.replicates as int)
    def most = alone ? 1 : Math.max(1, 30_000.intdiv(size))
    def tasks = Math.ceil(options.folds / most) as int
    return Math.ceil(options.folds / tasks) as int
}
