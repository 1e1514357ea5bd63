"""Where models are, as it is typed: the commands that the screen tells work as they stand."""

import shlex

from support import DaisyProject


def test_what_to_type_next_finds_a_models_dir_that_was_typed(project: DaisyProject) -> None:
    place = project.root / "far 'away"
    trained = project.daisy("framework=suffix", "dataset=tiny", f'env.models_dir="{place}"')
    assert trained.code == 0, trained.err
    (told,) = [line for line in trained.out.splitlines() if line.split()[:1] == ["next"]]
    listed, shown, again = ([*shlex.split(part)] for part in told.split("daisy ")[1:])
    assert " tiny " in project.daisy(*listed).out
    answer = project.daisy(*shown)
    assert answer.code == 0 and "suffix__tiny" in answer.out
    (hint,) = [line for line in answer.out.splitlines() if line.split()[:1] == ["hint"]]
    for words, tokens in ((again, "words"), (shlex.split(hint.split("`")[1])[1:], "characters")):
        made = project.daisy(*[word.replace("KEY=VALUE", f"dataset.tokens={tokens}") for word in words])
        assert made.code == 0, made.err
    assert len(list(place.glob("*suffix*"))) == 2 and project.models() == []
    wrong = project.daisy("show", "--env", f"models_dir={place}", "nothing")
    assert f"`daisy list --env {shlex.quote(f'models_dir={place}')}` shows them" in wrong.one_line


def test_an_env_of_another_name_and_a_key_of_it(project: DaisyProject) -> None:
    env = project.root / "conf" / "env"
    (env / "big.yaml").write_text((env / "local.yaml").read_text().replace("models_dir: models", "models_dir: big"))
    named = project.daisy("framework=suffix", "dataset=tiny", "env=big")
    assert "daisy list --env big " in named.out
    typed = project.daisy("framework=suffix", "dataset=tiny", "env=big", "env.models_dir=other")
    assert f"daisy list --env big --env models_dir={project.root / 'other'} " in typed.out
    for words in (["--env", "big"], ["--env", "env=big"], ["--env", "big", "--env", "models_dir=other"]):
        assert "suffix" in project.daisy("list", *words).out
    assert "did you mean env.models_dir" in project.daisy("list", "--env", "model_dir=x").one_line
    assert "there is no env=bigg - did you mean env=big?" in project.daisy("list", "--env", "bigg").one_line
