/*
 * Expression of sequences that the models were not made from: windows, or the genes of another assembly or individual.
 */

include { fingerprint      } from '../functions/scripts'
include { window           } from '../functions/models'
include { EXTRACT_FEATURES } from '../modules/extract_features'
include { PREDICT          } from '../modules/predict'

workflow PREDICTION {
    take:
    checked_ch                                      // one item, when all that was given has been checked
    models_ch                                       // [model, model.json, its folds' folders]
    features_ch                                     // [genome, genes.tsv, features.h5]
    inputs                                          // what was given
    options                                         // the parameters

    main:
    // [row of the sheet, its files]
    samples_ch = checked_ch.flatMap { inputs.samples.collect { one -> [one.values, one.files] } }
    assembled_ch = samples_ch.filter { row, _files -> row.gtf }
    windows_ch = samples_ch.filter { row, _files -> !row.gtf }
    // [sample; features.h5 of its own genes]
    assemblies_ch = EXTRACT_FEATURES(
        assembled_ch.map { row, files -> [row.sample, files.fasta, files.gtf, files.canonical ?: []] },
        window(inputs.models, options),
        fingerprint('extract_features.py'),
    ).made.map { name, _genes, features, _dropped, _transcripts -> [name, features] }

    // [genome of the models, name, windows or [], features.h5: its own, or those of genes that windows may be named after]
    asked_ch = assembled_ch
        .map { row, _files -> [row.sample, row.genome] }
        .join(assemblies_ch)
        .map { name, genome, features -> [genome, name, [], features] }
        .mix(
            windows_ch
                .map { row, files -> [row.genome, row.sample, files.fasta] }
                .combine(features_ch, by: 0)
                .map { genome, name, windows, _genes, features -> [genome, name, windows, features] }
        )

    // [predicted: sample, atlas, level, genome, network; predictions.tsv.gz]
    predicted_ch = PREDICT(
        asked_ch
            .combine(models_ch.map { model, description, folds -> [model.genome, model, description, folds] }, by: 0)
            .map { _genome, name, windows, features, model, description, folds ->
                [[sample: name] + model, windows, features, description, folds]
            },
        options.device,
        fingerprint('predict.py'),
    ).made

    emit:
    predicted_ch
}
