"""Recipes: what is accepted, and what each mistake gets."""

from pathlib import Path

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.recipes.recipe import find_recipe, load_recipe

FOLDER = Path(__file__).parents[3] / "recipes"


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    "name", [path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.toml")]
)
def test_recipes_that_come_along_are_found_by_name_and_read_back_from_a_run(name, write):
    recipe = load_recipe(name)
    # As upload and blend read the one that a run keeps.
    assert load_recipe(write(recipe.to_toml())).fingerprint() == recipe.fingerprint()
    assert recipe.name == name.rpartition("/")[2]
    for estimator in recipe.make_estimators():
        estimator.check_parameters(recipe.competition.n_pixels)


def test_an_empty_recipe_has_all_defaults(write):
    recipe = load_recipe(write(""))
    assert recipe.competition.slug == "digit-recognizer"
    assert recipe.cv.folds == 5
    assert recipe.make_estimators()[0].hidden_layer_sizes == (100,)


def test_the_resolved_recipe_reads_back_the_same(write):
    first = load_recipe(write("[model]\ndropout = 0.2\nhidden_layer_sizes = [32, 16]\n"))
    again = load_recipe(write(first.to_toml(), "again.toml"))
    assert again.resolved() == first.resolved()
    assert again.fingerprint() == first.fingerprint()


def test_the_fingerprint_knows_the_seed_but_not_the_jobs(write):
    path = write("[model]\ndropout = 0.2\n")
    plain = load_recipe(path).fingerprint()
    assert load_recipe(path, {"compute": {"jobs": 7}}).fingerprint() == plain
    assert load_recipe(path, {"cv": {"seed": 7}}).fingerprint() != plain


def test_values_of_the_command_line_replace_those_of_the_file(write):
    recipe = load_recipe(write("[cv]\nseed = 1\nfolds = 3\n"), {"cv": {"seed": 5}})
    assert (recipe.cv.seed, recipe.cv.folds) == (5, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modle]\n", "[modle] is unknown; the nearest valid name is model."),
        ("model = 3\n", "model = 3 should be a section, [model]."),
        ("[cv]\nfold = 3\n", "[cv] fold is unknown; the nearest valid name is folds."),
        ("[cv]\nfolds = 1\n", "[cv] folds is 1; give an integer, 2 or more."),
        ("[cv]\nfolds = 2.5\n", "[cv] folds is 2.5; give an integer, 2 or more."),
        ("[cv]\nfolds = true\n", "[cv] folds is True; give an integer, 2 or more."),
        ("[cv]\nseed = -1\n", "[cv] seed is -1; give an integer, 0 or more."),
        ('[cv]\nfolds = "five"\n', "[cv] folds is 'five'; give an integer, 2 or more."),
        ("[compute]\njobs = -2\n", "[compute] jobs is -2; give an integer, 0 or more."),
        ('[data]\nscaling = "log"\n', "[data] scaling is 'log'; give 'standard' or 'unit'."),
        (
            "[model]\ndropot = 0.2\n",
            "[model] dropot is unknown; the nearest valid name is dropout.",
        ),
        ("[model]\nverbose = 1\n", "[model] verbose is set by the run; it shows its progress."),
        (
            "[augment]\nrotate = 3\n",
            "[augment] rotate is unknown; the nearest valid name is rotation.",
        ),
        ("[augment]\nscale = 1.5\n", "[augment] scale must be below 1, got 1.5; correct it."),
        ("[augment]\nshift = true\n", "[augment] shift is True; give a number."),
        (
            "[model]\naugment = {}\n",
            "[model] augment is set by the run; give it in a section [augment].",
        ),
        (
            "[competition]\nn_classes = 3\n",
            "[competition] n_classes is unknown; the nearest valid name is classes.",
        ),
        ("[competition]\nclasses = [1]\n", "[competition] classes has 1; give from 2 to 32767."),
        (
            '[model]\narchitecture = "8N-R"\ndropout = 0.2\n',
            "[model] dropout has no effect beside an architecture; leave it out, and write it into "
            "the architecture.",
        ),
        (
            '[model]\nbatch_norm = true\n[ensemble]\narchitectures = ["8N-R"]\n',
            "[model] batch_norm has no effect beside an architecture; leave it out, and write it "
            "into the architecture.",
        ),
    ],
)
def test_a_mistake_names_the_key_and_the_remedy(write, text, message):
    path = write(text)
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    assert str(caught.value) == f"{path}, {message}"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("dropout = 1.5", ["[model] 'dropout' parameter must be", "[0.0, 1.0)", "Got 1.5"]),
        ('solver = "adamm"', ["[model] 'solver' parameter must be", "'adam'", "Got 'adamm'"]),
        ('hidden_layer_sizes = "many"', ["[model] 'hidden_layer_sizes'", "Got 'many'"]),
        ("hidden_layer_sizes = [64, 0]", ["[model] hidden_layer_sizes must be > 0"]),
        ("max_iter = 0", ["[model] 'max_iter' parameter", "Got 0"]),
        ('architecture = "8C3-X"', ["[model] architecture '8C3-X': token 2, 'X' at character 5"]),
        (
            'architecture = "8C40"',
            ["[model] architecture '8C40': token 1", "does not fit", "(28, 28, 1)"],
        ),
    ],
)
def test_an_impossible_value_of_the_model_names_it_and_what_it_may_be(write, line, parts):
    path = write(f"[model]\n{line}\n")
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, [model] ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_file_that_is_no_toml_is_named_with_the_line(write):
    path = write("[model\n")
    with pytest.raises(InputError, match=r"mine\.toml is not valid TOML: .*line 1.*; correct"):
        load_recipe(path)


def test_a_recipe_that_does_not_exist_is_answered_with_the_nearest_or_those_there_are(tmp_path):
    with pytest.raises(InputError, match=r"There is no recipe 'fats'; the nearest .* is fast"):
        find_recipe("fats")
    with pytest.raises(InputError, match=r"the nearest valid name is tutorials/two-layers\.$"):
        find_recipe("two-layers")
    with pytest.raises(InputError, match=r"; choose one of .*fast.*mlp"):
        find_recipe("xyz")
    with pytest.raises(InputError, match=r"none\.toml does not exist"):
        find_recipe(tmp_path / "none.toml")


def test_another_competition_of_the_kind_is_a_section(write):
    recipe = load_recipe(
        write('[competition]\nslug = "Kannada-MNIST"\nid_column = "id"\ntest_id_column = "id"\n')
    )
    assert recipe.competition.slug == "Kannada-MNIST"
    assert recipe.competition.test_id_column == "id"


def test_classes_are_ten_digits_without_a_section_else_those_found(write):
    assert load_recipe(write("")).competition.classes == list(range(10))
    assert load_recipe(write("[competition]\n")).competition.classes is None


def test_the_competition_says_the_shape_of_the_images(write):
    recipe = load_recipe(
        write(
            "[competition]\nimage_height = 6\nimage_width = 10\n\n"
            '[model]\narchitecture = "4C3-R-16N-R"\n'
        )
    )
    assert recipe.make_estimators()[0].input_shape == [6, 10, 1]


def test_a_wrong_value_of_the_command_line_does_not_blame_the_file(write):
    with pytest.raises(InputError) as caught:
        load_recipe(write(""), {"compute": {"jobs": -1}})
    assert str(caught.value).startswith("Command line: [compute] jobs is -1; give an integer")


def test_a_section_that_is_none_is_named_with_overrides_too(write):
    with pytest.raises(InputError, match=r"cv = 3 should be a section, \[cv\]"):
        load_recipe(write("cv = 3\n"), {"cv": {"seed": 1}})


def test_class_weights_are_of_integer_classes(write):
    recipe = load_recipe(write("[model.class_weight]\n0 = 2.0\n7 = 0.5\n"))
    assert recipe.make_estimators()[0].class_weight == {0: 2.0, 7: 0.5}


def test_a_wrong_scorer_is_found_before_training(write):
    with pytest.raises(InputError, match=r"\[model\] .*'foo'"):
        load_recipe(write('[model]\nscoring = "foo"\n'))


def test_a_name_too_long_is_said_to_be():
    with pytest.raises(InputError, match="name has 300 characters"):
        find_recipe("x" * 300)


def test_class_weights_are_resolved_and_read_back(write):
    recipe = load_recipe(write("[model.class_weight]\n0 = 2\n7 = 0.5\n"))
    again = load_recipe(write(recipe.to_toml(), "again.toml"))
    assert again.fingerprint() == recipe.fingerprint()
    assert again.make_estimators()[0].class_weight == {0: 2.0, 7: 0.5}


def test_class_weights_are_of_the_competitions_classes(write):
    for text, weights in (
        ("[competition]\n[model.class_weight]\na = 2\nb = 0.5\n", {"a": 2.0, "b": 0.5}),
        ('[competition]\nclasses = ["01", "2"]\n[model.class_weight]\n01 = 2\n', {"01": 2.0}),
        ("[competition]\n[model.class_weight]\n24 = 2\n", {24: 2.0}),
    ):
        assert load_recipe(write(text)).make_estimators()[0].class_weight == weights


@pytest.mark.parametrize("entry", ["a = 1", "10 = 1", '"²" = 1', '0 = "much"', "0 = true"])
def test_class_weights_of_no_class_or_no_number_are_named(write, entry):
    with pytest.raises(InputError, match=r"\[model\] class_weight has .* give each class"):
        load_recipe(write(f"[model.class_weight]\n{entry}\n"))


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.1:8786", "tcp://alpha"])
def test_a_scheduler_without_protocol_or_port_is_named(write, address):
    text = f'[compute]\nbackend = "dask"\nscheduler = "{address}"\n'
    with pytest.raises(InputError, match=r"scheduler is '.*'; give an address such as 'tcp://"):
        load_recipe(write(text))


def test_a_file_that_is_no_recipe_is_told_from_one_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("notes.md").write_text("# Notes\n")
    with pytest.raises(InputError, match=r"notes\.md is no recipe; give a TOML file"):
        find_recipe("notes.md")


def test_a_byte_order_mark_is_no_part_of_a_recipe(write):
    path = write("")
    path.write_text("[cv]\nfolds = 3\n", encoding="utf-8-sig")
    assert load_recipe(path).cv.folds == 3
