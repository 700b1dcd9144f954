#!/usr/bin/env nextflow

/*
 * nf-scxpresso: from a single-cell atlas and a genome to models that read promoter DNA and predict expression in every
 * cell population, and from those models to maps of the bases that matter and scores for the variants that matter. The
 * steps are the picture in the README; docs/output.md lists what each one publishes.
 */

include { check_images ; typed ; usage      } from './functions/parameters'
include { read_inputs ; preflight_request   } from './functions/sheets'
include { window                            } from './functions/models'
include { fingerprint ; named               } from './functions/scripts'
include { PREFLIGHT                         } from './modules/preflight'
include { EXTRACT_FEATURES                  } from './modules/extract_features'
include { READ_VARIANTS                     } from './modules/read_variants'
include { TRAIN                             } from './subworkflows/train'
include { SATURATION                        } from './subworkflows/saturation'
include { VARIANTS                          } from './subworkflows/variants'
include { PREDICTION                        } from './subworkflows/prediction'
include { SUMMARY                           } from './subworkflows/summary'
include { PROVENANCE                        } from './subworkflows/provenance'

workflow {
    main:
    options = typed(params)
    if (options.help) {
        println(usage())
        System.exit(0)
    }
    check_images(workflow, options)
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
    ).made
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
    ).made

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

    // [process, its task, warnings.txt]
    warnings_ch = channel.topic('warnings').map { process, task, file -> [process.tokenize(':').last(), task ?: '', file] }
    warnings_ch
        .flatMap { process, task, file -> file.readLines().collect { line -> "${process} (${task}): ${line}".toString() } }
        .unique()
        .toList()
        .subscribe { lines -> lines.toSorted().each { line -> log.warn(line) } }

    SUMMARY(
        made + [
            warnings: warnings_ch,
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

    // What is published: [its path in the results' folder, a file or folder]
    published_ch = extracted_ch
        .mix(made.folds)
        .flatMap { genome -> genome.tail().collect { table -> [path: "genomes/${genome[0]}/${table.name}", file: table] } }
        .mix(
            made.expression.map { atlas, folder -> [path: "expression/${atlas.atlas}", file: folder] },
            made.trained
                .mix(made.described)
                .map { model, file -> [path: "models/${model.atlas}/${model.level}/${model.network}/${file.name}", file: file] },
            made.predictions.map { model, table -> [path: "predictions/${model.atlas}/${model.level}.${model.network}.tsv.gz", file: table] },
            SATURATION.out.saturation_ch.map { model, folder -> [path: saturated(model), file: folder] },
            SATURATION.out.matched_ch.flatMap { model, motifs, seqlets ->
                [motifs, seqlets].collect { table -> [path: "${saturated(model)}/${table.name}", file: table] }
            },
            sets_ch.flatMap { set, _chunks, rejected, counts ->
                [rejected, counts].collect { table -> [path: "variants/${set.set}/${table.name}", file: table] }
            },
            VARIANTS.out.scores_ch.map { scored, scores -> [path: "variants/${scored.set}/${named(scored, 'tsv.gz')}", file: scores] },
            VARIANTS.out.changes_ch.map { scored, changes -> [path: "variants/${scored.set}/${named(scored, 'motifs.tsv.gz')}", file: changes] },
            VARIANTS.out.compared_ch.flatMap { scored, comparison, correlations ->
                [
                    [path: "variants/${scored.set}/${named(scored, 'external.tsv')}", file: comparison],
                    [path: "variants/${scored.set}/${named(scored, 'correlations.tsv')}", file: correlations],
                ]
            },
            PREDICTION.out.predicted_ch.map { predicted, table -> [path: "samples/${predicted.sample}/${named(predicted, 'tsv.gz')}", file: table] },
            SUMMARY.out.evaluation_ch.mix(SUMMARY.out.report_ch).map { file -> [path: file.name, file: file] },
            PREFLIGHT.out.notes
                .mix(PREFLIGHT.out.versions, PREFLIGHT.out.params)
                .map { file -> [path: "pipeline_info/${file.name}", file: file] },
        )

    PROVENANCE(checked_ch, published_ch, PREFLIGHT.out.notes, PREFLIGHT.out.versions, inputs, workflow, options)

    publish:
    results = published_ch
        .mix(PROVENANCE.out.crate_ch.flatMap { files -> files.collect { file -> [path: "pipeline_info/${file.name}", file: file] } })
        .map { one -> one + [path: one.path.toString()] }
}

output {
    results {
        path { one -> one.file >> one.path }
    }
}

// The folder of a model's saturation.
def saturated(model) {
    return "saturation/${model.atlas}/${model.level}.${model.network}"
}
