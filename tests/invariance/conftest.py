import pytest

from tests.invariance.families import save_family, save_reward_model


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a tiny language model."""
    return str(save_family("llama", tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="session")
def reward_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a tiny reward model."""
    return str(save_reward_model(tmp_path_factory.mktemp("reward-model")))
