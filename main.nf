#!/usr/bin/env nextflow

/*
 * nf-scxpresso: from a single-cell atlas and a genome to models that read promoter DNA and predict expression in every
 * cell population, and from those models to maps of the bases that matter and scores for the variants that matter. The
 * steps are the picture in the README; docs/output.md lists what each one publishes.
 */

include { check_images ; check_outdir       } from './functions/parameters'
include { typed ; usage                     } from './functions/parameters'
include { read_inputs ; preflight_request   } from './functions/sheets'
include { identify ; folder_of              } from './functions/models'
include { read_json                         } from './functions/scripts'
include { PREFLIGHT                         } from './modules/preflight'
include { READ_VARIANTS                     } from './modules/read_variants'
include { IMPORT_SCORES                     } from './modules/import_scores'
include { LEARNED_MOTIFS                    } from './modules/learned_motifs'
include { FEATURES                          } from './subworkflows/features'
include { TRAIN                             } from './subworkflows/train'
include { SATURATION                        } from './subworkflows/saturation'
include { VARIANTS                          } from './subworkflows/variants'
include { VARIANT_MAP                       } from './subworkflows/variant_map'
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
    check_outdir(workflow, options)
    inputs = read_inputs(options)
    PREFLIGHT(
        preflight_request(options, inputs),
        inputs.files,
        files("${projectDir}/{nextflow_schema,assets/schema_*}.json"),
    )
    // Nothing else starts before all inputs have been checked.
    checked_ch = PREFLIGHT.out.problems.map { problems -> problems.size() ? stop(problems) : true }
    // What to run: recipes, trained models, windows of features, fold methods (bin/scxpresso/checks/plan.py)
    plan_ch = PREFLIGHT.out.plan.combine(checked_ch).map { plan, _checked -> read_json(plan) }

    // [genome, its files]
    genomes_ch = checked_ch.flatMap { inputs.genomes.collect { row -> [row.values.genome, row.files] } }
    // [atlas: its row of the sheet, levels as a list; counts, annotations, state of a folder of counts]. What does not alter
    // its expression is left out, so that nothing is trained again after it was added.
    atlases_ch = checked_ch.flatMap {
        inputs.atlases.collect { row ->
            def values = row.values.findAll { column, _value -> !(column in ['tissue', 'parents']) }
            [values + [levels: row.values.levels.tokenize('; ')], row.files.counts, row.files.annotations ?: [], row.state]
        }
    }

    // [sample of --predict: its row of the sheet; its files]
    samples_ch = checked_ch.flatMap { inputs.samples.collect { row -> [row.values, row.files] } }

    FEATURES(plan_ch, genomes_ch, samples_ch, options)
    genes_ch = FEATURES.out.genes_ch
    features_ch = FEATURES.out.features_ch

    // [set: its row of the sheet; chunks of its alleles; rejected.tsv; counts.json]
    sets_ch = READ_VARIANTS(
        checked_ch
            .flatMap { inputs.sets.collect { row -> [row.values.genome, row.values, row.files.file] } }
            .combine(genomes_ch.join(genes_ch), by: 0)
            .combine(plan_ch.map { plan -> plan.widest })
            .map { _genome, set, variants, files, genes, _features, window ->
                [set, variants, files.fasta, genes, window]
            },
        options.haplotypes,
    ).made

    // [row of --external_scores, its scores, alleles without use]
    imported_ch = IMPORT_SCORES(
        checked_ch
            .flatMap { inputs.scores.collect { row -> [row.values.genome, row.values, row.files.file, row.files.chain ?: []] } }
            .combine(genomes_ch, by: 0)
            .map { _genome, row, scores, chain, files -> [row, scores, chain, files.fasta] }
    ).made

    // [model: see identify; model.json; its folds' folders], of every model and of those that downstream analyses use
    if (options.models) {
        models_ch = plan_ch.flatMap { plan ->
            [plan.models, inputs.models].transpose().collect { planned, one -> [identify(planned, planned), one.file, one.folds] }
        }
        analysed_ch = models_ch
        made = ['folds', 'expression', 'trained', 'described', 'predictions', 'further'].collectEntries { name -> [name, channel.empty()] }
    }
    else {
        // Variants and scores that do not fit the genome end the run before any training.
        ready_ch = checked_ch.mix(sets_ch.map { true }, imported_ch.map { true }).collect()
        TRAIN(plan_ch, atlases_ch, genes_ch, features_ch, ready_ch, inputs, options)
        models_ch = TRAIN.out.made_ch
        analysed_ch = TRAIN.out.analysed_ch
        made = [
            folds: TRAIN.out.folds_ch,
            expression: TRAIN.out.expression_ch,
            trained: TRAIN.out.trained_ch,
            described: TRAIN.out.described_ch,
            predictions: TRAIN.out.predictions_ch,
            further: TRAIN.out.further_ch,
        ]
    }

    // [model, motifs.tsv, motifs.meme], of the models whose networks learn motifs
    learned_ch = LEARNED_MOTIFS(
        models_ch
            .combine(plan_ch)
            .filter { model, _description, _folds, plan -> model.network in plan.motif_networks && !(model.recipe in plan.evaluated_only) }
            .map { model, description, folds, _plan -> [model.genome, model.window, model, description, folds] }
            .combine(features_ch, by: [0, 1])
            .map { _genome, _window, model, description, folds, features -> [model, description, folds, features] },
        inputs.motifs ?: [],
    ).made

    SATURATION(analysed_ch, genes_ch, features_ch, inputs, options)
    VARIANTS(sets_ch, analysed_ch, genes_ch, features_ch, genomes_ch, imported_ch, inputs, options)
    VARIANT_MAP(plan_ch, analysed_ch, VARIANTS.out.every_pooled_ch, genes_ch, features_ch, options)
    PREDICTION(plan_ch, samples_ch, FEATURES.out.assemblies_ch, analysed_ch, features_ch, options)

    // [process, its task, warnings.txt]
    warnings_ch = channel.topic('warnings').map { process, task, file -> [process.tokenize(':').last(), task ?: '', file] }
    warnings_ch
        .flatMap { process, task, file -> file.readLines().collect { line -> "${process} (${task}): ${line}".toString() } }
        .unique()
        .toList()
        .subscribe { lines -> lines.toSorted().each { line -> line.contains('): NOTE ') ? log.info(line) : log.warn(line) } }

    SUMMARY(
        made + [
            warnings: warnings_ch,
            notes: PREFLIGHT.out.notes,
            versions: PREFLIGHT.out.versions,
            genomes: genomes_ch,
            tables: FEATURES.out.tables_ch,
            models: models_ch.map { model, description, _folds -> [model, description] },
            learned: learned_ch,
            saturation: SATURATION.out.saturation_ch,
            motifs: SATURATION.out.matched_ch,
            sets: sets_ch,
            scores: VARIANTS.out.scores_ch,
            changes: VARIANTS.out.changes_ch,
            compared: VARIANTS.out.compared_ch,
            benchmarked: VARIANTS.out.benchmarked_ch,
        ],
        plan_ch,
        inputs,
        workflow,
        options,
    )

    // What is published: [path in the results folder, a file or folder]
    published_ch = FEATURES.out.tables_ch
        .flatMap { genome -> genome.tail().collect { table -> [path: "genomes/${genome[0]}/${table.name}", file: table] } }
        .mix(
            FEATURES.out.other_windows_ch.map { genome, window, features -> [path: "genomes/${genome}/windows/${window}/${features.name}", file: features] },
            made.folds.map { genome, method, folds -> [path: "genomes/${genome}/${folds_name(method, options)}", file: folds] },
            made.expression.map { atlas, folder -> [path: "expression/${atlas.atlas}", file: folder] },
            made.trained
                .mix(made.described)
                .map { model, file -> [path: "models/${model.atlas}/${model.level}/${model.recipe}/${file.name}", file: file] },
            // They serve later sets, where a run with --models finds them.
            VARIANTS.out.pooled_ch
                .filter { !options.models }
                .map { model, pooled -> [path: "models/${model.atlas}/${model.level}/${model.recipe}/${pooled.name}", file: pooled] },
            learned_ch.flatMap { model, table, motifs ->
                [table, motifs].collect { file -> [path: "models/${model.atlas}/${model.level}/${model.recipe}/${file.name}", file: file] }
            },
            made.predictions.map { model, table -> [path: "${folder_of('predictions', model)}.tsv.gz", file: table] },
            made.further.map { model, target, table -> [path: "predictions/${model.atlas}/${target}/${model.level}.${model.recipe}.tsv.gz", file: table] },
            SATURATION.out.saturation_ch.map { model, folder -> [path: folder_of('saturation', model), file: folder] },
            SATURATION.out.matched_ch.flatMap { model, motifs, seqlets ->
                [motifs, seqlets].collect { table -> [path: "${folder_of('saturation', model)}/${table.name}", file: table] }
            },
            sets_ch.flatMap { set, _chunks, rejected, counts ->
                [rejected, counts].collect { table -> [path: "variants/${set.set}/${table.name}", file: table] }
            },
            VARIANTS.out.scores_ch.map { scored, scores -> [path: "variants/${scored.set}/${scored.id}.tsv.gz", file: scores] },
            VARIANTS.out.changes_ch.map { scored, changes -> [path: "variants/${scored.set}/${scored.id}.motifs.tsv.gz", file: changes] },
            VARIANTS.out.compared_ch.flatMap { scored, comparison, correlations ->
                [
                    [path: "variants/${scored.set}/${scored.id}.external.tsv", file: comparison],
                    [path: "variants/${scored.set}/${scored.id}.correlations.tsv", file: correlations],
                ]
            },
            imported_ch.flatMap { row, scores, unused ->
                [
                    [path: "external_scores/${row.tool}.tsv.gz", file: scores],
                    [path: "external_scores/${row.tool}.unused.tsv", file: unused],
                ]
            },
            VARIANTS.out.benchmarked_ch.flatMap { row, scored, pairs, metrics ->
                [
                    [path: "benchmark/${row.benchmark}/${scored.id}.tsv.gz", file: pairs],
                    [path: "benchmark/${row.benchmark}/${scored.id}.metrics.tsv", file: metrics],
                ]
            },
            VARIANT_MAP.out.maps_ch.map { model, folder -> [path: folder_of('variant_map', model), file: folder] },
            PREDICTION.out.predicted_ch.map { predicted, table -> [path: "samples/${predicted.sample}/${predicted.id}.tsv.gz", file: table] },
            SUMMARY.out.evaluation_ch.mix(SUMMARY.out.report_ch).map { file -> [path: file.name, file: file] },
            PREFLIGHT.out.notes
                .mix(PREFLIGHT.out.versions, PREFLIGHT.out.params)
                .map { file -> [path: "pipeline_info/${file.name}", file: file] },
        )

    PROVENANCE(plan_ch, published_ch, PREFLIGHT.out.notes, PREFLIGHT.out.versions, inputs, workflow, options)

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

// Ends the run with the problems of PREFLIGHT. With -resume, Nextflow repeats a task whose output is gone: some problems are
// fixed where it does not look, such as permissions, locks and the disk. Where the file cannot be deleted, they are repeated.
def stop(problems) {
    def text = problems.text
    try {
        problems.delete()
    }
    catch (Exception e) {
        log.debug("${problems}: ${e}")
    }
    error(text)
}

// The name of the published folds of a method.
def folds_name(method, options) {
    return method == options.fold_method ? 'folds.tsv' : "folds.${method}.tsv"
}
