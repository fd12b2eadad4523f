//! What a model card shows in Python: how an item becomes an input, and how other libraries open the weights.

use tinderbox::data::{Aspect, Background, GREY_WEIGHTS, Preprocess, ResizeFilter};
use tinderbox::nn::{ImageEncoderConfig, Stem, TextEncoderConfig};

use crate::encoder::{EncoderConfig, ImageShape, InputShape};
use crate::inputs::{Preprocessing, Target};
use crate::model_card::ModelDescription;

/// How an item becomes an input, in words, and in Python where that is more than a file of a tokeniser.
pub fn input(own: &Preprocessing) -> Option<String> {
    match own {
        Preprocessing::Image(preprocess) => Some(picture(preprocess, own.background())),
        Preprocessing::Row(_) | Preprocessing::Text(_) => None,
    }
}

fn picture(preprocess: &Preprocess, background: Background) -> String {
    let (height, width) = preprocess.size;
    let Background([red, green, blue]) = background;
    let channels = match preprocess.channels {
        1 => "grey",
        _ => "red, green and blue",
    };
    let weights = GREY_WEIGHTS.map(|weight| weight.to_string()).join(", ");
    let grey = match preprocess.channels {
        1 => format!("\n    x = np.round(x @ np.array([{weights}], np.float32))[..., None]"),
        _ => String::new(),
    };
    let (filter, cut) = match preprocess.resize.filter {
        ResizeFilter::Bilinear => ("bilinear", ""),
        ResizeFilter::Bicubic => ("bicubic", ".clamp(0, 1)"),
    };
    let (words, target, crop) = match preprocess.resize.aspect {
        Aspect::Squash => (
            format!(
                "the whole of it, whatever its proportions, is resized to {height} x {width} (height x width): no part is cut off, and the
proportions may change"
            ),
            "tuple(spec[\"size\"])".to_string(),
            String::new(),
        ),
        Aspect::Crop { shorter } => (
            format!(
                "it is resized so that its shorter side has {shorter} pixels and the proportions stay, and the middle {height} x {width}
(height x width) is cut out"
            ),
            format!(
                "[max({shorter}, {shorter} * side // min(x.shape[2:])) for side in x.shape[2:]]"
            ),
            format!(
                "\n    top, left = round((x.shape[2] - {height}) / 2), round((x.shape[3] - {width}) / 2)
    x = x[:, :, top : top + {height}, left : left + {width}]"
            ),
        ),
    };
    format!(
        "A picture is turned as its EXIF data says, transparent parts are laid over the colour ({red}, {green}, {blue}), and its channels become
{channels}. Then {words}. The filter is {filter} and antialiased, on 32-bit floats from 0 to 1 that are not rounded; another filter, or
other proportions, move features far. Last comes `(value - mean) / std` for each channel. In Python, for pictures of 8 bits (JPEG decoders differ by a level
or two):

```python
import json, numpy as np, torch
from PIL import Image, ImageOps

def pixels(path, preprocessing=\"preprocessing.json\"):
    spec, picture = json.load(open(preprocessing)), ImageOps.exif_transpose(Image.open(path))
    rgba = np.asarray(picture.convert(\"RGBA\" if picture.mode in (\"P\", \"LA\", \"RGBA\") else \"RGB\").convert(\"RGBA\")).astype(np.int64)
    x = (rgba[..., :3] * rgba[..., 3:] + np.array([{red}, {green}, {blue}]) * (255 - rgba[..., 3:]) + 127) // 255
    x = x.astype(np.float32){grey}
    x = torch.from_numpy(x).permute(2, 0, 1)[None] / 255
    x = torch.nn.functional.interpolate(x, {target}, mode=\"{filter}\", antialias=True, align_corners=False){cut}{crop}
    mean, std = (torch.tensor(spec[key]).view(1, -1, 1, 1) for key in (\"mean\", \"std\"))
    return (x - mean) / std
```"
    )
}

/// Lines of Python that open the exported folder with the library whose names it has, if there is one.
pub fn network(model: &ModelDescription) -> Option<String> {
    let code = match (&model.encoder, model.shape) {
        (EncoderConfig::Image(config), InputShape::Image(shape)) => {
            torchvision(config, shape, model)?
        }
        (EncoderConfig::Text(TextEncoderConfig::Bert(config)), _) if config.is_published() => {
            sentence_transformers(model)?
        }
        _ => return None,
    };
    Some(format!("```python\n{}\n```", code.join("\n")))
}

fn torchvision(
    config: &ImageEncoderConfig,
    shape: ImageShape,
    model: &ModelDescription,
) -> Option<Vec<String>> {
    let (ImageEncoderConfig::Resnet18 { stem, width }
    | ImageEncoderConfig::Resnet34 { stem, width }
    | ImageEncoderConfig::Resnet50 { stem, width }) = config
    else {
        return None;
    };
    // torchvision has no other width.
    if *width != 64 {
        return None;
    }
    let channels = shape.channels;
    let mut lines = vec![
        "import torch, torchvision".into(),
        "from safetensors.torch import load_file".into(),
        String::new(),
        format!("model = torchvision.models.{}()", config.name()),
    ];
    match (stem, channels) {
        (Stem::Cifar, _) => {
            lines.push(format!(
                "model.conv1 = torch.nn.Conv2d({channels}, 64, 3, 1, 1, bias=False)"
            ));
            lines.push("model.maxpool = torch.nn.Identity()".into());
        }
        (Stem::ImageNet, 3) => {}
        (Stem::ImageNet, _) => lines.push(format!(
            "model.conv1 = torch.nn.Conv2d({channels}, 64, 7, 2, 3, bias=False)"
        )),
    }
    let features = model.feature_dim;
    lines.push(match &model.head {
        Some(head) => format!(
            "model.fc = torch.nn.Linear({features}, {})",
            head.classes.len()
        ),
        None => "model.fc = torch.nn.Identity()".into(),
    });
    lines.push("model.load_state_dict(load_file(\"model.safetensors\"))".into());
    lines.push(match &model.head {
        Some(_) => "probabilities = model.eval()(pixels(\"PICTURE\")).softmax(1)".into(),
        None => "features = model.eval()(pixels(\"PICTURE\"))".into(),
    });
    Some(lines)
}

/// Of texts as a whole; what tells of words and answers needs more lines than a card has.
fn sentence_transformers(model: &ModelDescription) -> Option<Vec<String>> {
    let mut lines = vec![
        "from sentence_transformers import SentenceTransformer".into(),
        String::new(),
        "features = SentenceTransformer(\".\").encode([\"TEXT\"], convert_to_tensor=True)".into(),
    ];
    match &model.head {
        None => {}
        Some(head) if head.of == Target::Items => {
            let name = &head.name;
            lines.insert(0, "from safetensors.torch import load_file".into());
            lines.push("weights = load_file(\"model.safetensors\")".into());
            lines.push(format!(
                "logits = features.cpu() @ weights[\"{name}.weight\"].T + weights[\"{name}.bias\"]"
            ));
            lines.push("probabilities = logits.softmax(1)".into());
        }
        Some(_) => return None,
    }
    Some(lines)
}
