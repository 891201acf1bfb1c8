"""The running example."""

from __future__ import annotations

import pytest
import torch

from sat.errors import UserError
from sat.lessons.scene import Scene, set_scene

from .slow import scene_of


def test_a_scene_is_the_captioners_own_caption(tiny_captioners, photo):
    captioner = tiny_captioners["soft-tiny"]
    scene = set_scene(captioner, photo)
    assert scene.trace.to_dict() == captioner.caption(photo).to_dict()
    assert scene.words == (*scene.trace.words, "<end>") and scene.word == scene.words[scene.step]
    torch.testing.assert_close(scene.raw, captioner.annotate([photo]))
    greedy = set_scene(captioner, None, raw=scene.raw, decoding=captioner.config.decoding, step=0)
    assert greedy.trace.words == scene.trace.words and greedy.previous == "<start>" and greedy.picture is None


def test_another_step_remembers_what_was_computed():
    scene, calls = scene_of("soft", 0), []

    def count(s: Scene) -> int:
        calls.append(s.step)
        return s.step

    assert [scene.once(count), scene.at(2).once(count)] == [0, 0]
    assert [scene.once(count, each_step=True), scene.at(2).once(count, each_step=True)] == [0, 2]
    assert [scene.once(count, each_step=True), scene.at(2).once(count, each_step=True)] == [0, 2]
    assert calls == [0, 0, 2]
    assert scene.at(2).previous == scene.words[1]


def test_annotations_are_shared_by_models_of_one_encoder(tiny_captioners, photo):
    scene = set_scene(tiny_captioners["soft-tiny"], photo)
    assert scene.raw_for(tiny_captioners["none-tiny"]) is scene.raw
    other = scene_of("soft").captioner  # of no encoder that it says it was trained on
    with pytest.raises(UserError, match="do not belong together"):  # it asked its own encoder
        scene.raw_for(other)
    with pytest.raises(UserError, match="another encoder"):
        Scene(scene.captioner, scene.raw, scene.trace, 0).raw_for(other)


def test_scenes_that_cannot_be_are_refused():
    scene = scene_of("soft")
    for step in (-1, len(scene.words)):
        with pytest.raises(UserError, match="choose one of them"):
            scene.at(step)
    with pytest.raises(UserError, match="choose a picture"):
        set_scene(scene.captioner, None)
