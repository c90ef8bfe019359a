"""The files of a Hugging Face checkpoint: found, verified, and read without running foreign code.

Only safetensors; pickled weights are refused with the way to convert them. Only the files named
here are looked at, so that neither adapters nor python modules that lie beside can have a say.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open

from polyseme.errors import ConfigError, DataError, IntegrityError, PolysemeError
from polyseme.models.external.common import source
from polyseme.models.external.common.source import PICKLE, TORCH_ZIP, Bring

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
VOCABULARIES = (
    "tokenizer.json vocab.txt vocab.json spiece.model sentencepiece.bpe.model tokenizer.model"
).split()
"""Any one of them makes a tokenizer."""
DETAILS = "merges.txt tokenizer_config.json special_tokens_map.json added_tokens.json".split()
FLOATS = ("F64", "F32", "F16", "BF16")
"""Kinds of weights, in the words of safetensors."""
STRANGE = "a ꙮ"
"""A tokenizer has to make something of a character that it has never seen."""
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
CONVERT = (
    'python -c "from transformers import AutoModel, AutoTokenizer as T; '
    "AutoModel.from_pretrained('old').save_pretrained('new'); "
    "T.from_pretrained('old').save_pretrained('new')\""
)


def library() -> ModuleType:
    """transformers, told to be quiet.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise ConfigError(
            "transformers is not installed",
            where="external",
            mend="pip install 'polyseme[transformers]'",
        ) from None
    transformers.utils.logging.set_verbosity(transformers.logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    return transformers


def from_hub(name: str, revision: str, bring: Bring) -> Path:
    """Folder of a checkpoint on the hub, at exactly this commit; its cache is used offline.

    Raises:
        DataError: it cannot be had.
    """
    from huggingface_hub import snapshot_download

    wanted = [CONFIG, "model*.safetensors", INDEX, *VOCABULARIES, *DETAILS]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except Exception as error:  # many, from several libraries
        raise DataError(
            f"cannot be had: {_first_line(error)}",
            where=f"{name}@{revision}",
            mend=f"check `hub` and `revision` in {bring.conf}, or give a local `path`",
        ) from None


def files(folder: Path) -> list[str]:
    """Names of the files that are read, sorted.

    Raises:
        DataError: no configuration, no safe weights, or no tokenizer.
    """
    if not folder.is_dir():
        raise DataError("is no folder", where=folder, mend="give the folder of a checkpoint")
    if not (folder / CONFIG).is_file():
        raise DataError(f"has no {CONFIG}", where=folder, mend="is it a checkpoint's folder?")
    _json(folder / CONFIG)
    weights = _weights(folder)
    tokenizer = [name for name in (*VOCABULARIES, *DETAILS) if (folder / name).is_file()]
    if not set(tokenizer) & set(VOCABULARIES):
        raise DataError(
            "has no tokenizer",
            where=folder,
            mend=f"put the checkpoint's own beside it ({', '.join(VOCABULARIES)})",
        )
    return sorted([CONFIG, *weights, *tokenizer])


def _weights(folder: Path) -> list[str]:
    """Files of the weights: one, or an index and its shards."""
    if (folder / INDEX).is_file():
        found = _json(folder / INDEX).get("weight_map")
        places = list(found.values()) if isinstance(found, dict) else []
        if not places or not all(isinstance(place, str) for place in places):
            mend = "get the checkpoint again"
            raise DataError("has no `weight_map`", where=folder / INDEX, mend=mend)
        shards = sorted(set(places))
        for shard in shards:
            if Path(shard).name != shard or not (folder / shard).is_file():
                raise DataError(f"has no {shard}", where=folder, mend="get the checkpoint again")
        names = [INDEX, *shards]
    elif (folder / WEIGHTS).is_file():
        names = [WEIGHTS]
    else:
        pickled = sorted(p.name for pattern in PICKLED for p in folder.glob(pattern))
        what = f"has only pickled weights ({pickled[0]})" if pickled else f"has no {WEIGHTS}"
        mend = "convert them where you trust them" if pickled else "convert the checkpoint"
        raise DataError(what, where=folder, mend=f"{mend}: {CONVERT}")
    for name in names:
        source.refuse_pickle(folder / name, CONVERT, (*PICKLE, TORCH_ZIP))
    return names


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content.items()
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"is no JSON object ({error})", where=path, mend="get it again") from None
    return content


@contextmanager
def only(folder: Path, names: list[str]) -> Iterator[Path]:
    """A folder that shows nothing but some files of another."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            (Path(temporary) / name).symlink_to((folder / name).resolve())
        yield Path(temporary)


def tokenizer(folder: Path, where: Path) -> PreTrainedTokenizerFast:
    """The checkpoint's own tokenizer.

    Raises:
        DataError: it cannot be built, or is not a fast one.
    """
    try:
        found = library().AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        found.backend_tokenizer.to_str()
        found(STRANGE)
    except PolysemeError:
        raise
    except Exception as error:  # transformers raises nothing narrower
        raise DataError(
            f"its tokenizer cannot be read ({_first_line(error, folder, where)})",
            where=where,
            mend="save it as tokenizer.json",
        ) from None
    return found


def network(folder: Path, where: Path) -> PreTrainedModel:
    """The checkpoint's network without its head, float32, in eval mode.

    Raises:
        DataError: it cannot be built without code of its own, or is no encoder or causal model.
        IntegrityError: its weights do not fit its configuration, or are not finite.
    """
    found, told = _loaded("AutoModel", folder, where)
    if found.config.is_encoder_decoder:
        raise DataError("is an encoder-decoder", where=where, mend="use an encoder or causal model")
    without_pooler(found)
    _check_kinds(found, folder, where)
    _check_weights(found, told, where)
    return found.eval()


def with_head(network: PreTrainedModel, folder: Path, where: Path) -> PreTrainedModel | None:
    """The network below the head of its language model; None where the checkpoint has no such head.

    Raises:
        DataError: it cannot be built without code of its own.
        IntegrityError: weights of the head are missing, of another shape or not finite.
    """
    kind = head_kind(network.config)
    if kind is None:
        return None
    whole, told = _loaded(kind, folder, where)
    put_below(whole, network)
    _check_weights(whole, told | {"unexpected_keys": []}, where)
    found: PreTrainedModel = whole.eval()
    return found


def _loaded(kind: str, folder: Path, where: Path) -> tuple[PreTrainedModel, dict[str, Any]]:
    """A network of one of transformers' auto classes, and what it says of the weights."""
    try:
        found: tuple[PreTrainedModel, dict[str, Any]] = getattr(library(), kind).from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # they are refused by their names
            output_loading_info=True,
        )
    except PolysemeError:
        raise
    except Exception as error:  # transformers raises nothing narrower
        raise DataError(
            f"cannot be read as a checkpoint ({_first_line(error, folder, where)})",
            where=where,
            mend="check that transformers knows it without code of its own",
        ) from None
    return found


def head_kind(configuration: Any) -> str | None:
    """The class of transformers that builds it with the head of its language model, or None."""
    auto = library().models.auto.modeling_auto
    names = tuple(getattr(configuration, "architectures", None) or ())[:1]
    heads = {
        "AutoModelForMaskedLM": auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        "AutoModelForCausalLM": auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    }
    for kind, mapping in heads.items():
        if names and mapping.get(configuration.model_type) == names[0]:
            return kind
    return None


def put_below(whole: PreTrainedModel, network: PreTrainedModel) -> None:
    """Make `network` the part of `whole` that its head reads, embeddings tied where they were."""
    setattr(whole, whole.base_model_prefix, network)
    whole.tie_weights()


def without_pooler(network: PreTrainedModel) -> PreTrainedModel:
    """Take off the layer on top of the first token, which no word vector reads."""
    if getattr(network, "pooler", None) is not None:
        network.pooler = None
    return network


def check_vocabulary(
    tokenizer: PreTrainedTokenizerFast, network: PreTrainedModel, where: Path
) -> None:
    """Refuse a tokenizer that knows nothing, or pieces that the network has no embedding of.

    Special tokens that are never put into a row may lie beyond, as they do in some checkpoints.
    """
    backend = tokenizer.backend_tokenizer
    added = backend.get_added_tokens_decoder()
    pieces = set(backend.get_vocab().values()) - {n for n, token in added.items() if token.special}
    mend = "put the checkpoint's own tokenizer beside it"
    if not pieces:
        raise DataError("its tokenizer knows special tokens only", where=where, mend=mend)
    rows = len(network.get_input_embeddings().weight)
    if (last := max(pieces)) >= rows:
        what = f"its tokenizer counts pieces up to {last:,}, its network up to {rows - 1:,}"
        raise DataError(what, where=where, mend=mend)


def _check_kinds(network: PreTrainedModel, folder: Path, where: Path) -> None:
    """Refuse weights that are not plain floats: what is quantised means nothing by itself."""
    own = {name for name, _ in network.named_parameters()}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                kind = file.get_slice(name).get_dtype()
                if name.removeprefix(f"{network.base_model_prefix}.") in own and kind not in FLOATS:
                    mend = f"get the checkpoint in one of {', '.join(FLOATS)}"
                    raise DataError(f"{name} is {kind}", where=where, mend=mend)


def _check_weights(network: PreTrainedModel, told: dict[str, Any], where: Path) -> None:
    """Refuse weights that are missing, of another shape, left over or not finite."""
    mend = "weights and config.json belong to different networks: get the checkpoint again"
    for name, found, wanted in sorted(told["mismatched_keys"]):
        what = f"{name} has shape {list(found)}, not {list(wanted)}"
        raise IntegrityError(what, where=where, mend=mend)
    own = dict(network.named_parameters())
    for name in sorted(told["missing_keys"]):
        if name in own:
            raise IntegrityError(f"{name} is missing", where=where, mend=mend)
    modules = {name for name, _ in network.named_modules()}
    for name in sorted(told["unexpected_keys"]):
        short = name.removeprefix(f"{network.base_model_prefix}.")
        top, parent = short.partition(".")[0], short.rpartition(".")[0]
        if top in modules and parent not in modules and top != "pooler":
            raise IntegrityError(f"{name} has no place", where=where, mend=mend)
    for name, weight in own.items():
        if not bool(torch.isfinite(weight).all()):
            mend = "get the checkpoint again"
            raise IntegrityError(f"{name} is not finite", where=where, mend=mend)


def _first_line(error: BaseException, shown: Path = Path(), where: Path = Path()) -> str:
    """What a library says, with the user's folder for the temporary one that it was shown."""
    text = str(error).replace(str(shown), str(where))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0]
