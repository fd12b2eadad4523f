use std::path::Path;

use super::*;
use crate::recipe::RecipeFile;

fn digits_recipe() -> DataRecipe {
    RecipeFile::find("simclr-digits")
        .unwrap()
        .resolve(&[])
        .unwrap()
        .data
}

fn write_images(folder: &Path, names: &[&str], side: (u32, u32)) {
    for name in names {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_pixel(side.0, side.1, image::Rgb([9, 9, 9]))
            .save(path)
            .unwrap();
    }
}

#[test]
fn digits_are_split_once_and_for_all() {
    let images = DataSet::open(&digits_recipe(), None).unwrap();
    assert_eq!(
        images.shape,
        InputShape::Image(ImageShape {
            channels: 1,
            size: 8
        })
    );
    assert_eq!((images.train.len(), images.test.len()), (1198, 599));
    assert_eq!(images.labelled, images.train);
    assert!(
        images
            .train
            .iter()
            .all(|index| !images.test.contains(index))
    );
    assert_eq!(images.subset(&images.labelled, 0.01, 3).len(), 12);
    let (train, test) = images.evaluation_parts(100);
    assert!(train.len() <= 100 && test.len() <= 100 && train.len() >= 90);
}

#[test]
fn the_share_held_out_is_the_share_that_was_asked_for() {
    for (share, held) in [(0.4, 719), (0.05, 90), (0.3, 539), (0.0, 0)] {
        let recipe = DataRecipe {
            labels: Labels::Own(false),
            held_out: share,
            ..digits_recipe()
        };
        let images = DataSet::open(&recipe, None).unwrap();
        let counts = (images.held_out.len(), images.train.len());
        assert_eq!(counts, (held, 1797 - held), "{share}");
        assert!(
            images
                .held_out
                .iter()
                .all(|item| !images.train.contains(item))
        );
    }
}

#[test]
fn without_labels_everything_is_trained_on() {
    let recipe = DataRecipe {
        labels: Labels::Own(false),
        ..digits_recipe()
    };
    let images = DataSet::open(&recipe, None).unwrap();
    assert_eq!((images.train.len(), images.test.len()), (1797, 0));
    let error = images.require_labels().unwrap_err().to_string();
    assert!(error.contains("at least 2 classes"), "{error}");
}

#[test]
fn a_folder_gives_size_and_classes() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "a/1.png",
        "a/2.png",
        "a/3.png",
        "b/1.png",
        "b/2.png",
        "b/3.png",
        "loose.png",
    ];
    write_images(folder.path(), &names, (6, 6));
    let images = DataSet::open(&DataRecipe::folder(folder.path()), None).unwrap();
    assert_eq!(
        images.shape,
        InputShape::Image(ImageShape {
            channels: 3,
            size: 6
        })
    );
    assert_eq!(images.classes, ["a", "b"]);
    assert_eq!(
        (images.labelled.len(), images.test.len(), images.train.len()),
        (4, 2, 5)
    );
    assert!(images.has_labels());
}

#[test]
fn a_test_set_of_its_own_is_held_out_whole() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "train/a/1.png",
        "train/a/2.png",
        "train/b/1.png",
        "train/b/2.png",
    ];
    write_images(folder.path(), &names, (6, 6));
    write_images(folder.path(), &["val/b/7.png", "val/loose.png"], (6, 6));
    let recipe = DataRecipe {
        test_path: Some(folder.path().join("val")),
        ..DataRecipe::folder(folder.path().join("train"))
    };
    let images = DataSet::open(&recipe, None).unwrap();
    assert_eq!(images.train, [0, 1, 2, 3]);
    assert_eq!(images.test.len(), 1);
    let test = images.test[0];
    assert_eq!(images.items.labelled().label(test), Some(1));
    assert_eq!(images.items.labelled().id(test), "test/b/7.png");
    write_images(folder.path(), &["val/c/1.png"], (6, 6));
    let error = DataSet::open(&recipe, None).unwrap_err().to_string();
    assert!(error.contains("the class c"), "{error}");
}

#[test]
fn what_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        DataSet::open(&DataRecipe::folder(folder.path()), None)
            .unwrap_err()
            .to_string()
    };
    assert!(open().contains("no PNG, JPEG, GIF, WebP or BMP files found"));
    write_images(folder.path(), &["wide.png"], (8, 6));
    assert!(open().contains("wide.png has 8 x 6"));
    std::fs::write(folder.path().join("wide.png"), b"no picture").unwrap();
    assert!(open().contains("none of the 1 items can be read"));
}
