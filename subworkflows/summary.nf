/*
 * Results: the evaluation of models that were trained in this run, and the report of everything.
 */

include { read_json                  } from '../functions/scripts'
include { part ; contents ; recorded } from '../functions/manifest'
include { EVALUATE                   } from '../modules/evaluate'
include { REPORT                     } from '../modules/report'

workflow SUMMARY {
    take:
    results                                         // channels of what the steps made, by name (see main.nf)
    plan_ch                                         // what to run (see main.nf)
    inputs                                          // inputs of the run
    run                                             // about the run
    options                                         // the parameters

    main:
    def tissues = inputs.atlases.collectEntries { row -> [row.values.atlas, row.values.subMap('tissue')] }
    evaluated_ch = results.tables
        .map { genome, genes, _features, _dropped, _transcripts -> part('genomes', [genome: genome], 'genes', genes) }
        .mix(
            results.expression.map { atlas, folder -> part('atlases', atlas + tissues[atlas.atlas], 'path', folder) },
            results.predictions.map { model, table -> part('predictions', model, 'path', table) },
            results.further.map { model, target, table -> part('predictions', model, target, table) },
        )
    evaluated_list = in_order(evaluated_ch).filter { parts -> parts.any { one -> one.kind == 'predictions' } }
    evaluation_ch = EVALUATE(
        evaluated_list.map { parts -> contents(parts) }.combine(plan_ch).map { content, plan -> content + plan.evaluation },
        evaluated_list.map { parts -> parts.collect { one -> one.file } },
    )

    reported_ch = evaluated_ch.mix(
        results.tables.flatMap { genome, _genes, features, dropped, transcripts ->
            [['features', features], ['dropped', dropped], ['transcripts', transcripts]]
                .collect { role, file -> part('genomes', [genome: genome], role, file) }
        },
        results.folds
            .combine(plan_ch.map { plan -> plan.fold_methods[0] })
            .filter { _genome, method, _folds, first -> method == first }
            .map { genome, _method, folds, _first -> part('genomes', [genome: genome], 'folds', folds) },
        results.genomes
            .filter { _genome, files -> files.ccres }
            .map { genome, files -> part('genomes', [genome: genome], 'ccres', files.ccres) },
        results.models.map { model, description -> part('models', model, 'description', description) },
        results.trained.map { model, folder -> part('models', model, 'histories', folder) },
        results.learned.flatMap { model, motifs, matrices ->
            [part('models', model, 'motifs', motifs), part('models', model, 'motif_matrices', matrices)]
        },
        evaluation_ch.map { folder -> part('evaluation', [:], 'path', folder) },
        results.saturation.map { model, folder -> part('saturation', model, 'path', folder) },
        results.motifs.map { model, motifs, _seqlets -> part('saturation', model, 'motifs', motifs) },
        results.sets.flatMap { set, _chunks, rejected, counts ->
            [part('sets', set, 'rejected', rejected), part('sets', set, 'counts', counts)]
        },
        results.scores.map { scored, scores -> part('variants', scored, 'path', scores) },
        results.changes.map { scored, changes -> part('variants', scored, 'changes', changes) },
        results.compared.flatMap { scored, comparison, correlations ->
            [part('variants', scored, 'comparison', comparison), part('variants', scored, 'correlations', correlations)]
        },
        results.benchmarked.map { row, scored, _pairs, metrics -> part('variants', scored, 'benchmarks', metrics) + [order: row.benchmark] },
        results.warnings.map { process, task, file -> part('warnings', [process: process, task: task], 'warnings', file) },
        results.notes.filter { inputs.motifs }.map { part('motifs', [:], 'path', inputs.motifs) },
    )
    reported_list = in_order(reported_ch)
    report_ch = REPORT(
        reported_list
            .map { parts -> contents(parts) }
            .combine(results.notes)
            .combine(results.versions)
            .combine(plan_ch)
            .map { content, notes, versions, plan -> content + recorded(run, options, plan, read_json(notes).notes, read_json(versions)) },
        reported_list.map { parts -> parts.collect { one -> one.file } },
        file("${projectDir}/assets/report"),
    )

    emit:
    evaluation_ch
    report_ch
}

// All parts at once, sorted, so that their order does not depend on which task finished first: with -resume, another order
// would make the report again. Several tasks of a process may have warnings under one name; their folders tell them apart.
def in_order(parts_ch) {
    return parts_ch
        .map { one -> ["${one.kind} ${one.about} ${one.role} ${one.order ?: ''} ${one.file.name} ${one.file.toUriString()}".toString(), one] }
        .toList()
        .map { named -> named.toSorted { one -> one[0] }.collect { one -> one[1] } }
}
