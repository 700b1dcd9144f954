// The model whose motifs the section shows.
import { DATA } from "../shared/data.js";

export const modelSelect = document.getElementById("motif-model");

export const currentModel = () => DATA.motifs[Math.max(0, modelSelect.selectedIndex)];
