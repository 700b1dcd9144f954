#!/usr/bin/env nextflow

/*
 * nf-scxpresso: from a single-cell atlas and a genome to models that read promoter DNA and predict expression in every
 * cell population, and from those models to maps of the bases that matter and scores for the variants that matter. The
 * steps are the picture in the README; docs/output.md lists what each one publishes.
 */

include { typed ; usage                     } from './modules/parameters'
include { read_inputs ; preflight_request   } from './modules/sheets'
include { window                            } from './modules/models'
include { fingerprint ; named               } from './modules/functions'
include { PREFLIGHT                         } from './modules/preflight'
include { EXTRACT_FEATURES                  } from './modules/extract_features'
include { READ_VARIANTS                     } from './modules/read_variants'
include { TRAIN                             } from './subworkflows/train'
include { SATURATION                        } from './subworkflows/saturation'
include { VARIANTS                          } from './subworkflows/variants'
include { PREDICTION                        } from './subworkflows/prediction'
include { SUMMARY                           } from './subworkflows/summary'

workflow {
    main:
    options = typed(params)
    if (options.help) {
        println(usage())
        System.exit(0)
    }
    inputs = read_inputs(options)
    PREFLIGHT(
        preflight_request(options, inputs),
        inputs.files,
        files("${projectDir}/{nextflow_schema,assets/schema_*}.json"),
        fingerprint('preflight.py'),
    )
    // Nothing else starts before all that was given has been checked.
    checked_ch = PREFLIGHT.out.problems.map { problems -> problems.size() ? error(problems.text) : true }

    // [genome, its files]
    genomes_ch = checked_ch.flatMap { inputs.genomes.collect { row -> [row.values.genome, row.files] } }
    // [atlas: its row of the sheet, levels as a list; counts]
    atlases_ch = checked_ch.flatMap {
        inputs.atlases.collect { row -> [row.values + [levels: row.values.levels.tokenize('; ')], row.files.counts] }
    }

    // [genome, genes.tsv, features.h5, dropped_genes.tsv, transcripts.bed]
    extracted_ch = EXTRACT_FEATURES(
        genomes_ch.map { genome, files -> [genome, files.fasta, files.gtf, files.canonical ?: []] },
        window(inputs.models, options),
        fingerprint('extract_features.py'),
    )
    // [genome, genes.tsv, features.h5]
    features_ch = extracted_ch.map { genome, genes, features, _dropped, _transcripts -> [genome, genes, features] }

    // [set: its row of the sheet; chunks of its alleles; rejected.tsv; counts.json]
    sets_ch = READ_VARIANTS(
        checked_ch
            .flatMap { inputs.sets.collect { row -> [row.values.genome, row.values, row.files.file] } }
            .combine(genomes_ch.join(features_ch), by: 0)
            .map { _genome, set, variants, files, genes, _features -> [set, variants, files.fasta, genes] },
        window(inputs.models, options),
        options.haplotypes,
        fingerprint('read_variants.py'),
    )

    // [model: atlas, level, genome, network; model.json; its folds' folders]
    if (options.models) {
        models_ch = checked_ch.flatMap {
            inputs.models.collect { one -> [one.values.subMap('atlas', 'level', 'genome', 'network'), one.file, one.folds] }
        }
        made = ['folds', 'expression', 'trained', 'described', 'predictions'].collectEntries { name -> [name, channel.empty()] }
    }
    else {
        // Variants that do not fit the genome end the run before any training.
        TRAIN(atlases_ch, features_ch, checked_ch.mix(sets_ch.map { true }).collect(), options)
        models_ch = TRAIN.out.trained_models_ch
        made = [
            folds: TRAIN.out.folds_ch,
            expression: TRAIN.out.expression_ch,
            trained: TRAIN.out.trained_ch,
            described: TRAIN.out.described_ch,
            predictions: TRAIN.out.predictions_ch,
        ]
    }

    SATURATION(models_ch, features_ch, inputs, options)
    VARIANTS(sets_ch, models_ch, features_ch, genomes_ch, inputs, options)
    PREDICTION(checked_ch, models_ch, features_ch, inputs, options)

    SUMMARY(
        made + [
            notes: PREFLIGHT.out.notes,
            versions: PREFLIGHT.out.versions,
            genomes: genomes_ch,
            extracted: extracted_ch,
            features: features_ch,
            models: models_ch,
            saturation: SATURATION.out.saturation_ch,
            motifs: SATURATION.out.matched_ch,
            sets: sets_ch,
            scores: VARIANTS.out.scores_ch,
            changes: VARIANTS.out.changes_ch,
            compared: VARIANTS.out.compared_ch,
        ],
        inputs,
        workflow,
        options,
    )

    publish:
    genomes = extracted_ch
        .mix(made.folds)
        .flatMap { genome -> genome.tail().collect { table -> [genome: genome[0], file: table] } }
    expression = made.expression.map { atlas, folder -> [atlas: atlas.atlas, file: folder] }
    models = made.trained.mix(made.described).map { model, path -> model + [file: path] }
    predictions = made.predictions.map { model, table -> model + [file: table] }
    saturation = SATURATION.out.saturation_ch
        .map { model, folder -> model + [file: folder, name: ''] }
        .mix(
            SATURATION.out.matched_ch.flatMap { model, motifs, seqlets ->
                [motifs, seqlets].collect { table -> model + [file: table, name: "/${table.name}"] }
            }
        )
    variants = sets_ch
        .flatMap { set, _chunks, rejected, counts -> [rejected, counts].collect { table -> [set: set.set, file: table, name: table.name] } }
        .mix(
            VARIANTS.out.scores_ch.map { scored, scores -> [set: scored.set, file: scores, name: named(scored, 'tsv.gz')] },
            VARIANTS.out.changes_ch.map { scored, changes -> [set: scored.set, file: changes, name: named(scored, 'motifs.tsv.gz')] },
            VARIANTS.out.compared_ch.flatMap { scored, comparison, correlations ->
                [
                    [set: scored.set, file: comparison, name: named(scored, 'external.tsv')],
                    [set: scored.set, file: correlations, name: named(scored, 'correlations.tsv')],
                ]
            },
        )
    samples = PREDICTION.out.predicted_ch.map { predicted, table -> predicted + [file: table] }
    summaries = SUMMARY.out.evaluation_ch.mix(SUMMARY.out.report_ch)
    pipeline_info = PREFLIGHT.out.notes.mix(PREFLIGHT.out.versions, PREFLIGHT.out.params)
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
    saturation {
        path { part -> part.file >> "saturation/${part.atlas}/${part.level}.${part.network}${part.name}" }
    }
    variants {
        path { table -> table.file >> "variants/${table.set}/${table.name}" }
    }
    samples {
        path { table -> table.file >> "samples/${table.sample}/${named(table, 'tsv.gz')}" }
    }
    summaries {
        path '.'
    }
    pipeline_info {
        path 'pipeline_info'
    }
}
