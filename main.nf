#!/usr/bin/env nextflow

/*
 * nf-scxpresso: from a single-cell atlas and a genome to models that read promoter DNA and predict expression in every
 * cell population. The steps below are the picture in the README; docs/output.md lists what each one publishes.
 */

nextflow.preview.output = true

include { usage                           } from './modules/help'
include { read_inputs ; preflight_request } from './modules/sheets'
include { fingerprint ; json              } from './modules/functions'
include { manifest ; recorded             } from './modules/manifest'
include { PREFLIGHT                       } from './modules/preflight'
include { EXTRACT_FEATURES                } from './modules/extract_features'
include { SPLIT_FOLDS                     } from './modules/split_folds'
include { PSEUDOBULK                      } from './modules/pseudobulk'
include { FIT_BASELINES                   } from './modules/fit_baselines'
include { TRAIN_FOLD ; recipe             } from './modules/train_fold'
include { ENSEMBLE                        } from './modules/ensemble'
include { EVALUATE                        } from './modules/evaluate'
include { REPORT                          } from './modules/report'

workflow {
    main:
    if (params.help.toString() != 'false') {
        println usage()
        System.exit(0)
    }
    inputs = read_inputs(params)
    PREFLIGHT(
        preflight_request(params, inputs),
        inputs.files,
        files("${projectDir}/{nextflow_schema,assets/schema_*}.json"),
        fingerprint('preflight.py'),
    )
    // Nothing else starts before all that was given has been checked.
    checked_ch = PREFLIGHT.out.problems.map { problems -> problems.size() ? error(problems.text) : true }

    // [genome, fasta, gtf, canonical transcripts or []]
    genomes_ch = checked_ch.flatMap {
        inputs.genomes.collect { row -> [row.values.genome, row.files.fasta, row.files.gtf, row.files.canonical ?: []] }
    }
    // [atlas: its row of the sheet, levels as a list; counts]
    atlases_ch = checked_ch.flatMap {
        inputs.atlases.collect { row -> [row.values + [levels: row.values.levels.tokenize('; ')], row.files.counts] }
    }

    // [genome, genes.tsv, features.h5, dropped_genes.tsv]
    features_ch = EXTRACT_FEATURES(
        genomes_ch,
        params.upstream,
        params.downstream,
        params.features,
        fingerprint('extract_features.py'),
    )

    // [genome, folds.tsv]
    folds_ch = SPLIT_FOLDS(
        features_ch.map { genome, genes, features, _dropped -> [genome, genes, features] },
        params.folds,
        params.fold_method,
        params.seed,
        fingerprint('split_folds.py'),
    )

    // [atlas, folder of its levels' expression]
    expression_ch = PSEUDOBULK(
        atlases_ch
            .map { atlas, counts -> [atlas.genome, atlas, counts] }
            .combine(features_ch, by: 0)
            .map { _genome, atlas, counts, genes, _features, _dropped -> [atlas, counts, genes] },
        params.subMap('aggregation', 'pseudocount', 'min_cells', 'seed'),
        fingerprint('pseudobulk.py'),
    )

    // [level: atlas, level, genome; features.h5; <level>.tsv.gz; folds.tsv]
    levels_ch = expression_ch
        .flatMap { atlas, folder ->
            atlas.levels.collect { level ->
                [atlas.genome, [atlas: atlas.atlas, level: level, genome: atlas.genome], folder.resolve("${level}.tsv.gz")]
            }
        }
        .combine(features_ch.join(folds_ch), by: 0)
        .map { _genome, level, expression, _genes, features, _dropped, folds -> [level, features, expression, folds] }

    // [level, one table of predictions for each baseline]
    baselines_ch = FIT_BASELINES(levels_ch, fingerprint('fit_baselines.py'))

    // [model: atlas, level, genome, network; features.h5; <level>.tsv.gz; folds.tsv]
    models_ch = levels_ch
        .combine(channel.fromList(params.network.tokenize(', ')))
        .map { level, features, expression, folds, network -> [level + [network: network], features, expression, folds] }

    // The folds of each training task, in a list of their own so that `combine` leaves them together.
    held_out_ch = checked_ch.flatMap {
        (1..(params.folds as int)).toList().collate(params.folds_per_task as int).collect { held_out -> [held_out] }
    }

    // [model, folder of a fold's networks]
    trained_ch = TRAIN_FOLD(
        models_ch
            .combine(held_out_ch)
            .map { model, features, expression, folds, held_out ->
                [model, held_out, recipe(model.network, params), features, expression, folds]
            },
        params.device,
        fingerprint('train_fold.py'),
    ).flatMap { model, folders -> folders.collect { folder -> [model, folder] } }

    // [model, its folds' folders], as soon as the last of them is there
    folders_ch = trained_ch
        .map { model, folder -> [groupKey(model, params.folds as int), folder] }
        .groupTuple()
        .map { model, folders -> [model.target, folders.toSorted { folder -> folder.name }] }

    // [model, predictions.tsv.gz, model.json]
    ensembles_ch = ENSEMBLE(
        models_ch.combine(folders_ch, by: 0),
        params.ensemble,
        fingerprint('ensemble.py'),
    )

    // From here on a step sees all models at once, in an order that does not depend on who finished first.
    // [atlas, level and network, or baseline; its table of predictions]
    predictions_ch = ensembles_ch
        .map { model, predictions, _description -> [model, predictions] }
        .mix(
            baselines_ch.flatMap { level, mean, half_life, kmer ->
                [mean: mean, half_life: half_life, kmer: kmer].collect { name, table -> [level + [network: name], table] }
            }
        )
    genomes_list = features_ch.join(folds_ch).toSortedList { a, b -> a[0] <=> b[0] }
    atlases_list = expression_ch.toSortedList { a, b -> a[0].atlas <=> b[0].atlas }
    trained_list = trained_ch.toSortedList { a, b -> "${a[0]}${a[1].name}" <=> "${b[0]}${b[1].name}" }
    predictions_list = predictions_ch.toSortedList { a, b -> a[0].toString() <=> b[0].toString() }

    evaluation_ch = EVALUATE(
        manifest(genomes_list, atlases_list, predictions_list),
        genomes_list.map { rows -> rows.collect { row -> row[1] } },
        atlases_list.map { rows -> rows.collect { row -> row[1] } },
        predictions_list.map { rows -> rows.collect { row -> row[1] } },
        fingerprint('evaluate.py'),
    )
    report_ch = REPORT(
        manifest(genomes_list, atlases_list, predictions_list)
            .combine(trained_list.map { rows -> [rows.collect { row -> row[0] }] })
            .combine(PREFLIGHT.out.notes)
            .combine(PREFLIGHT.out.versions)
            .map { content, trained, notes, versions -> content + recorded(workflow, params, trained, notes, versions) }
            .first(),
        genomes_list.map { rows -> rows.collect { row -> row[1] } },
        genomes_list.map { rows -> rows.collect { row -> row[3] } },
        genomes_list.map { rows -> rows.collect { row -> row[4] } },
        atlases_list.map { rows -> rows.collect { row -> row[1] } },
        trained_list.map { rows -> rows.collect { row -> row[1] } },
        predictions_list.map { rows -> rows.collect { row -> row[1] } },
        evaluation_ch,
        file("${projectDir}/assets/report"),
        fingerprint('report.py'),
    )

    publish:
    genomes = features_ch.join(folds_ch).flatMap { genome -> genome.tail().collect { table -> [genome: genome[0], file: table] } }
    expression = expression_ch.map { atlas, folder -> [atlas: atlas.atlas, file: folder] }
    models = trained_ch
        .mix(ensembles_ch.map { model, _predictions, description -> [model, description] })
        .map { model, path -> model + [file: path] }
    predictions = predictions_ch.map { model, table -> model + [file: table] }
    summaries = evaluation_ch.mix(report_ch)
    pipeline_info = PREFLIGHT.out.notes.mix(PREFLIGHT.out.versions, channel.of(json(params)).collectFile(name: 'params.json'))
}

output {
    genomes {
        path { table -> table.file >> "genomes/${table.genome}/${table.file.name}" }
    }
    expression {
        path { atlas -> atlas.file >> "expression/${atlas.atlas}" }
    }
    models {
        path { model -> model.file >> "models/${model.atlas}/${model.level}/${model.network}/${model.file.name}" }
    }
    predictions {
        path { model -> model.file >> "predictions/${model.atlas}/${model.level}.${model.network}.tsv.gz" }
    }
    summaries {
        path '.'
    }
    pipeline_info {
        path 'pipeline_info'
    }
}
