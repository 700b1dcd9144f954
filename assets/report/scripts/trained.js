// The sections on training, performance and genes, of a run that trained models.
import "./run/training.js";
import "./run/levels.js";
import "./run/performance.js";
import "./run/coarse.js";
import "./run/transfer.js";
import "./run/scatter.js";
import "./run/variance.js";
import "./run/gene.js";
