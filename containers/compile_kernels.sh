#!/usr/bin/env bash
# Runs everything of a pipeline that has compiled kernels, on its demo, so that NUMBA_CACHE_DIR holds each kernel for the
# types of data that it meets. Used while the image is built: kernels are compiled for any processor of the level that
# compiled.py names. Takes the pipeline's folder; works in the current one, which it fills.
set -euo pipefail

pipeline=$1 demo=$1/assets/demo
: "${NUMBA_CACHE_DIR:?} ${SCXPRESSO_KERNELS:?}"
export PYTHONDONTWRITEBYTECODE=1
run() { "$pipeline/bin/$1.py" "${@:2}"; }

run extract_features --fasta "$demo/genome.fa.gz" --gtf "$demo/genes.gtf.gz" --upstream 1000 --downstream 500
run split_folds --genes genes.tsv --features features.h5 --folds 2
run pseudobulk --counts "$demo/atlas.h5ad" --protocol 10x --levels 'all;cell_type' --genes genes.tsv --outdir expression
cp -r expression all_genes # motifs are learned from thousands of genes only
for table in expression/*.tsv.gz; do # a few genes are enough for everything else, and quick to train
  gzip -dc "$table" >table.tsv
  head -n 500 table.tsv | gzip -n >"$table"
done
run select_genes --genes genes.tsv --select PF3D7_0930300,PF3D7_0802000 --outdir chunks
run read_variants --set demo --file "$demo/variants/simulated.vcf.gz" --fasta "$demo/genome.fa.gz" --genes genes.tsv \
  --upstream 1000 --downstream 500 --haplotypes --outdir variants

# One population (`all`) and several make different networks; kernels for one thread differ from those for several.
for threads in 1 2; do
  export NUMBA_NUM_THREADS=$threads
  for model in all/scxpresso cell_type/scxpresso cell_type/hybrid cell_type/grammar; do
    level=${model%/*} expression=expression
    [[ $model != */grammar ]] || expression=all_genes
    run train_fold --features features.h5 --expression "$expression/$level.tsv.gz" --folds folds.tsv --fold 1,2 \
      --network "${model#*/}" --replicates 1 --epochs 1 --device cpu --outdir "$model"
    run ensemble --features features.h5 --expression "$expression/$level.tsv.gz" --folds folds.tsv --atlas demo \
      --populations "$expression/$level.populations.tsv" --level "$level" --genome demo --model "$model/model.json" \
      --predictions "$model/predictions.tsv.gz" "$model"/fold_*
    run saturate --model "$model" --features features.h5 --genes genes.tsv --chunk chunks/1.txt --device cpu \
      --outdir "$model/saturation"
    run score_variants --set demo --model "$model" --features features.h5 --genes genes.tsv \
      --fasta "$demo/genome.fa.gz" --variants variants/chunks/1.tsv.gz --haplotypes --device cpu \
      --output "$model/scores.tsv.gz"
  done

  run join_saturation --genes genes.tsv --outdir saturation cell_type/hybrid/saturation
  run match_motifs --effects saturation/effects.h5 --genes genes.tsv --motifs "$demo/motifs.meme" --p_value 0.0005
  run join_scores --output scores.tsv.gz cell_type/hybrid/scores.tsv.gz
  run motif_changes --scores scores.tsv.gz --features features.h5 --genes genes.tsv --motifs "$demo/motifs.meme" \
    --p_value 0.0005
done
